/* The host's certificate: self-signed, made on first start, kept beside the database. */
#ifndef HOSTD_TLS_H
#define HOSTD_TLS_H

#include "base/error.h"

#define TLS_THUMBPRINT_SIZE 60 /* "AA:BB:..." of SHA-1, and NUL */

struct tls_identity {
    char *cert_pem;
    char *key_pem; /* secret */
    char thumbprint[TLS_THUMBPRINT_SIZE];
};

/* Reads cert.pem and key.pem in the folder `dirfd`, or makes both (EC P-256, ten years, names:
 * `host_name`, localhost and the loopback addresses). */
int tls_identity_load(int dirfd, const char *host_name, struct tls_identity *ret,
                      struct error *err);
void tls_identity_free(struct tls_identity *id);

#endif
