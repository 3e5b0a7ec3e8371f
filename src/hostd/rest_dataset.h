/*
 * REST data sets: what rest_dataset.c (operations) and rest_dataset_ask.c (the way to vmx and back)
 * share. Privileges, the VM and its hardware are judged here, everything else by the VM's vmx; the
 * one table from its errors to REST's is in rest_dataset_ask.c.
 */
#ifndef HOSTD_REST_DATASET_H
#define HOSTD_REST_DATASET_H

#include "hostd/rest.h"
#include "hostd/vmlink.h"
#include "wire/dataset.h"

#define DATASET_ASK_MS 10000u /* vmx is given this long for one operation */

/* `code` 0: the answer is in `reply`; otherwise a code of wire/dataset.h, and `reply` may be NULL.
 */
typedef void dataset_answer(struct rest *rest, int code, const struct vmlink_reply *reply);

/* Checks the VM, the privilege (VirtualMachine.DataSets.NAME) and the hardware. False: answered. */
bool dataset_allowed(struct rest *rest, const char *privilege);

/* Asks vmx. `args` is taken; NULL: out of memory. `blob` must last as long as the request. */
void dataset_ask(struct rest *rest, const char *op, json_t *args, const void *blob, size_t len,
                 dataset_answer *answer);

/* Answers with what the table makes of a code. */
void dataset_fail(struct rest *rest, int code, const char *text);

/* Answers a listing of keys of which `first` was the first page, page by page, as the client takes
 * them. */
void dataset_keys_stream(struct rest *rest, const void *first, size_t len);

/* The keys in a page; false at its end. *at begins with 0. */
bool dataset_key_next(const void *page, size_t len, size_t *at, const char **ret, size_t *ret_len);

#endif
