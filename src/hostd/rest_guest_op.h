/* What the REST operations that carry a guest user's credentials share. */
#ifndef HOSTD_REST_GUEST_OP_H
#define HOSTD_REST_GUEST_OP_H

#include "hostd/rest.h"

/* The parameters that every guest method begins with: the VM of the path and the credentials.
 * False: the request has been answered; also for `args` NULL (no memory). */
bool rest_guest_args(struct rest *rest, const struct rest_Credentials *credentials, void *args,
                     struct vim_ref *ret_vm, struct vim_GuestAuthentication **ret_auth);

/* Runs a method of GuestOperationsManager's `manager` ("fileManager"). */
void rest_guest_call(struct rest *rest, const char *manager, const struct vim_method *method,
                     void *args,
                     void (*done)(struct rest *rest, struct call *call, const void *result));

/* Refuses a field of the body. */
void rest_bad_field(struct rest *rest, const char *field);

#endif
