/*
 * The text of guest RPC messages: RPCI (guest to host) and TCLO (host to guest).
 *
 * A request is `command` or `command SP arguments`. An RPCI reply is "1 " or "0 " and a result, a
 * TCLO reply "OK " or "ERROR " and a result. Senders are inconsistent about a trailing NUL and a
 * trailing space; rpc_split makes them alike. Results point into the input; nothing is allocated.
 */
#ifndef WIRE_RPC_H
#define WIRE_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define RPC_NAME_MAX    128u   /* command name, bytes */
#define RPC_MESSAGE_MAX 65536u /* one message, either way (the backdoor's limit) */

/* Failure texts that agents compare or show. */
#define RPC_UNKNOWN_COMMAND   "Unknown command"
#define RPC_NO_VALUE          "No value found"
#define RPC_DISABLED          "disabled"
#define RPC_PERMISSION_DENIED "Permission denied"

struct rpc_message {
    const char *name; /* not NUL-terminated */
    size_t name_len;
    const uint8_t *args; /* after the one separating space; not NUL-terminated */
    size_t args_len;
    bool binary; /* args were taken as they are; otherwise trailing NULs were cut */
};

/* -EBADMSG: empty, a name over RPC_NAME_MAX, or with control bytes in it. */
int rpc_split(const void *message, size_t len, struct rpc_message *ret);
bool rpc_name_is(const struct rpc_message *m, const char *name);

/* Takes the next word (separated by one or more spaces) off [*p, *p + *left). False at the end. */
bool rpc_next_word(const uint8_t **p, size_t *left, const char **ret, size_t *ret_len);
/* A word as a number; -EINVAL unless all of it is decimal (an optional '-') and fits. */
int rpc_word_int64(const char *word, size_t len, int64_t *ret);

/* RPCI replies. */
int rpc_put_reply(struct buf *b, bool ok, const void *result, size_t len);
int rpc_put_reply_str(struct buf *b, bool ok, const char *result);
/* -EBADMSG unless it begins with "1 " or "0 " (which an agent takes as a broken channel). */
int rpc_parse_reply(const void *message, size_t len, bool *ret_ok, const uint8_t **ret_result,
                    size_t *ret_len);

/* TCLO replies. The parser accepts what the known agents send: "OK", "ERROR" and "ERR", alone or
 * with a space and a result, and a bare "Unknown Command"; anything else is -EBADMSG.
 * ERROR texts: "Unknown Command" for a command nobody handles. */
#define RPC_TCLO_UNKNOWN "Unknown Command"
int rpc_put_tclo_reply(struct buf *b, bool ok, const void *result, size_t len);
int rpc_put_tclo_reply_str(struct buf *b, bool ok, const char *result);
int rpc_parse_tclo_reply(const void *message, size_t len, bool *ret_ok, const uint8_t **ret_result,
                         size_t *ret_len);

#endif
