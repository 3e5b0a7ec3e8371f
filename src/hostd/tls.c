#include "hostd/tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/random.h"

#define CERT_FILE    "cert.pem"
#define KEY_FILE     "key.pem"
#define PEM_MAX      (64u << 10)
#define VALID_DAYS   3650
#define SERIAL_BYTES 16

static int fail(struct error *err, int rc, const char *what)
{
    return error_set(err, -EIO, "%s: %s", what, gnutls_strerror(rc));
}

static int fill_certificate(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *name)
{
    static const unsigned char loopback4[4] = {127, 0, 0, 1};
    static const unsigned char loopback6[16] = {[15] = 1};
    unsigned char serial[SERIAL_BYTES];
    time_t now = time(NULL);
    random_bytes(serial, sizeof(serial));
    serial[0] &= 0x7f;
    int rc = gnutls_x509_crt_set_version(crt, 3);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
    if (rc >= 0)
        rc = gnutls_x509_crt_set_activation_time(crt, now - 3600);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_expiration_time(crt, now + VALID_DAYS * 86400L);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, "inguest", 7);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                           (unsigned)strnlen(name, 64));
    if (rc >= 0)
        rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
                                                  (unsigned)strlen(name), GNUTLS_FSAN_SET);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, "localhost", 9,
                                                  GNUTLS_FSAN_APPEND);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, loopback4, 4,
                                                  GNUTLS_FSAN_APPEND);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, loopback6, 16,
                                                  GNUTLS_FSAN_APPEND);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_basic_constraints(crt, 1, -1);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_key_usage(crt,
                                           GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_CERT_SIGN);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_key(crt, key);
    if (rc >= 0)
        rc = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
    return rc;
}

static int write_pem(int dirfd, gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, struct error *err)
{
    gnutls_datum_t c = {0}, k = {0};
    int rc = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &c);
    if (rc >= 0)
        rc = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                               &k);
    int code = rc < 0 ? fail(err, rc, "the certificate cannot be encoded")
                      : fs_write_file(dirfd, KEY_FILE, k.data, k.size, 0600, err);
    /* The certificate last: when it is there, so is its key. */
    if (code == 0)
        code = fs_write_file(dirfd, CERT_FILE, c.data, c.size, 0644, err);
    if (k.data)
        explicit_bzero(k.data, k.size);
    gnutls_free(k.data);
    gnutls_free(c.data);
    return code;
}

static int make_identity(int dirfd, const char *host_name, struct error *err)
{
    gnutls_x509_crt_t crt = NULL;
    gnutls_x509_privkey_t key = NULL;
    int rc = gnutls_x509_crt_init(&crt);
    if (rc >= 0)
        rc = gnutls_x509_privkey_init(&key);
    if (rc >= 0)
        rc = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                          GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (rc >= 0)
        rc = fill_certificate(crt, key, host_name);
    int code = rc < 0 ? fail(err, rc, "the TLS certificate cannot be made")
                      : write_pem(dirfd, crt, key, err);
    if (key)
        gnutls_x509_privkey_deinit(key);
    if (crt)
        gnutls_x509_crt_deinit(crt);
    return code;
}

static int thumbprint(const char *pem, char out[TLS_THUMBPRINT_SIZE], struct error *err)
{
    gnutls_datum_t data = {(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};
    gnutls_x509_crt_t crt;
    unsigned char sha1[20];
    size_t size = sizeof(sha1);
    int rc = gnutls_x509_crt_init(&crt);
    if (rc < 0)
        return fail(err, rc, "certificate");
    rc = gnutls_x509_crt_import(crt, &data, GNUTLS_X509_FMT_PEM);
    if (rc >= 0)
        rc = gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA1, sha1, &size);
    gnutls_x509_crt_deinit(crt);
    if (rc < 0)
        return fail(err, rc, CERT_FILE " cannot be read");
    for (size_t i = 0; i < sizeof(sha1); i++)
        snprintf(out + 3 * i, 4, "%02X%s", sha1[i], i + 1 < sizeof(sha1) ? ":" : "");
    return 0;
}

int tls_identity_load(int dirfd, const char *host_name, struct tls_identity *ret, struct error *err)
{
    AUTO_BUF struct buf cert = BUF_INIT(PEM_MAX), key = BUF_INIT(PEM_MAX);
    struct tls_identity id = {0};
    int rc = fs_read_file(dirfd, CERT_FILE, &cert, err);
    if (rc == -ENOENT) {
        log_info("tls: making a self-signed certificate for %s", host_name);
        rc = make_identity(dirfd, host_name, err);
        if (rc == 0)
            rc = fs_read_file(dirfd, CERT_FILE, &cert, err);
    }
    if (rc == 0)
        rc = fs_read_file(dirfd, KEY_FILE, &key, err);
    if (rc == 0)
        rc = thumbprint(buf_text(&cert), id.thumbprint, err);
    if (rc < 0) {
        buf_free(&key);
        buf_free(&cert);
        return rc;
    }
    id.cert_pem = (char *)buf_steal(&cert, NULL);
    id.key_pem = (char *)buf_steal(&key, NULL);
    if (!id.cert_pem || !id.key_pem) {
        tls_identity_free(&id);
        return error_set(err, -ENOMEM, "no memory for the certificate");
    }
    *ret = id;
    return 0;
}

void tls_identity_free(struct tls_identity *id)
{
    mem_free(id->cert_pem);
    if (id->key_pem)
        mem_free_secret(id->key_pem, strlen(id->key_pem));
    *id = (struct tls_identity){0};
}
