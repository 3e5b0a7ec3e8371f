/*
 * A guest operation in words, for the logs of host and guest: the API method (or the opcode's
 * name), the path, program or process that it is about, the guest user it names. Arguments of
 * programs, values of environment variables, passwords, tickets and contents are never in it:
 * secrets may be. Names come from strangers: they are quoted, escaped and cut.
 */
#ifndef WIRE_VIX_DESCRIBE_H
#define WIRE_VIX_DESCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/vix.h"

#define VIX_DESCRIBE_NAME_MAX 256u /* bytes of one path or name; what is longer is cut */
#define VIX_DESCRIBE_SIZE     1200u

/* `StartProgramInGuest "/bin/ls"`, `transfer to "/tmp/x"`. Returns out. A body that cannot be
 * decoded adds nothing. */
const char *vix_describe(const struct vix_request *rq, char out[VIX_DESCRIBE_SIZE]);

/* `"alice"`: the user of a name and password or of a ticket that our agent made; `a ticket`, `a
 * token`, `nobody` else. It is what the request claims. Returns out. */
const char *vix_describe_user(const struct vix_request *rq, char out[VIX_DESCRIBE_SIZE]);

/* Does the request ask for another part of an answer that was begun before? */
bool vix_continues(const struct vix_request *rq);
/* Is a result without error only a part of the answer? */
bool vix_result_is_partial(uint32_t opcode, const void *result, size_t len);

#endif
