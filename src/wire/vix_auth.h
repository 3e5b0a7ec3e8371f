/*
 * VIX credentials: the blob behind the body of a request.
 *
 * The "obfuscation" is base64 and an escape of seven characters: it hides nothing. Everything here
 * that held a secret is cleared with vix_credential_clear.
 */
#ifndef WIRE_VIX_AUTH_H
#define WIRE_VIX_AUTH_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define VIX_NAME_MAX     256u   /* user name, bytes */
#define VIX_PASSWORD_MAX 1024u  /* password, bytes */
#define VIX_TOKEN_MAX    32768u /* SAML token or ticket, bytes */

enum vix_credential_type {
    VIX_CRED_NONE = 0,
    VIX_CRED_NAME_PASSWORD = 1,
    VIX_CRED_ANONYMOUS = 2,
    VIX_CRED_ROOT = 3,
    VIX_CRED_NAME_PASSWORD_OBFUSCATED = 4,
    VIX_CRED_CONSOLE_USER = 5,
    VIX_CRED_HOST_SECRET = 6,
    VIX_CRED_HOST_HASHED_SECRET = 7,
    VIX_CRED_INTERACTIVE_USER = 8,
    VIX_CRED_TICKETED_SESSION = 9,
    VIX_CRED_SSPI = 10,
    VIX_CRED_SAML_TOKEN = 11,
    VIX_CRED_SAML_TOKEN_HOST_VERIFIED = 12,
};

/* Owned strings, NULL when the type has none. */
struct vix_credential {
    uint32_t type;
    char *name;     /* user name; may be "" with a SAML token */
    char *password; /* types 1, 4, 8 */
    char *token;    /* types 11 and 12: the token; type 9: the ticket */
};

/* Appends the blob. -EINVAL: a type without an encoding, or a limit exceeded. */
int vix_credential_encode(struct buf *b, const struct vix_credential *cred);

/* Takes a blob apart. Types that carry nothing (0, 2, 3, 5) give no strings. -EBADMSG malformed
 * (agents answer 10001), -EILSEQ not UTF-8, -EOPNOTSUPP a type whose blob is not defined here
 * (agents answer 6), -ENOMEM. */
int vix_credential_decode(uint32_t type, const void *blob, size_t len, struct vix_credential *ret);
void vix_credential_clear(struct vix_credential *cred);
#define AUTO_VIX_CREDENTIAL __attribute__((cleanup(vix_credential_clear)))

/* The encoding itself. Encoding clears nothing; the buffer may hold a secret afterwards. */
int vix_obfuscate(struct buf *b, const void *bytes, size_t len);
int vix_deobfuscate(struct buf *b, const void *text, size_t len); /* -EBADMSG */

#endif
