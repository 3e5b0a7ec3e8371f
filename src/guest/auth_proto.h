/*
 * What the monitor and the toolbox-auth helper say to each other, once, over the helper's standard
 * input (a socket pair). All numbers little-endian.
 *
 *   request: u32 name length, name, u32 password length, password
 *   answer:  i32 result (0, or a negative errno code), u32 name length, account name
 *
 * Both texts are free of NUL bytes.
 */
#ifndef GUEST_AUTH_PROTO_H
#define GUEST_AUTH_PROTO_H

#define AUTH_NAME_MAX     256u
#define AUTH_PASSWORD_MAX 4096u
#define AUTH_REQUEST_MAX  (8u + AUTH_NAME_MAX + AUTH_PASSWORD_MAX)
#define AUTH_ANSWER_MAX   (8u + AUTH_NAME_MAX)

#endif
