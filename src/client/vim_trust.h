/*
 * Servers that a user has decided to trust, by their public key: for hosts whose certificate no
 * authority has signed. One line a server in the user's file:
 *
 *   HOST:PORT sha256//BASE64-OF-PUBLIC-KEY SHA256-OF-CERTIFICATE
 *
 * The file is $XDG_CONFIG_HOME/inguest/known_hosts (~/.config/... without it), mode 0600.
 */
#ifndef CLIENT_VIM_TRUST_H
#define CLIENT_VIM_TRUST_H

#include "base/buf.h"
#include "base/error.h"
#include "client/vim_client.h"

struct vim_trust_key {
    char pin[64];         /* for vim_client_options.pin */
    char fingerprint[96]; /* "AB:CD:..." of the certificate */
};

#define VIM_TRUST_FILE_MAX (1u << 20)

/* Shakes hands with a server and says what key it has; sends it nothing else. */
int vim_trust_probe(const char *address, unsigned connect_s, struct vim_trust_key *ret,
                    enum vim_client_failure *ret_failure, struct error *err);
/* 1: the server is known, 0: it is not. */
int vim_trust_find(const char *address, struct vim_trust_key *ret);
/* Remembers it, in place of what was known. */
int vim_trust_add(const char *address, const struct vim_trust_key *key, struct error *err);

/* The file's text, for the two above. */
/* 1: the server is in `text`, with a line that can be understood; 0: it is not. */
int vim_trust_read(const char *text, const char *address, struct vim_trust_key *ret);
/* Appends to `out` the text with this key of the server in place of all others. -EINVAL (an
 * address that cannot be in the file), -ENOBUFS, -ENOMEM. */
int vim_trust_write(const char *text, const char *address, const struct vim_trust_key *key,
                    struct buf *out);

/* Are two fingerprints the same, whatever the case and with or without colons? */
int vim_trust_same(const char *a, const char *b);

#endif
