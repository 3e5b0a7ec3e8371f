#include "client/vim_trust.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/fs.h"
#include "base/mem.h"
#include "client/vim_client_impl.h"
#include "client/vim_userdir.h"

#define KNOWN_HOSTS "known_hosts"
#define DIGEST_SIZE 32u
#define PIN_HEAD    "sha256//"

static int describe(gnutls_x509_crt_t cert, struct vim_trust_key *ret)
{
    AUTO_BUF struct buf text = BUF_INIT(sizeof(ret->pin));
    uint8_t digest[DIGEST_SIZE];
    size_t size = sizeof(digest);
    gnutls_pubkey_t key = NULL;
    gnutls_datum_t der = {0};
    int r = gnutls_x509_crt_get_fingerprint(cert, GNUTLS_DIG_SHA256, digest, &size);

    for (size_t i = 0; !r && i < size; i++)
        snprintf(ret->fingerprint + 3 * i, 4, "%02X%s", digest[i], i + 1 < size ? ":" : "");
    if (!r)
        r = gnutls_pubkey_init(&key);
    if (!r)
        r = gnutls_pubkey_import_x509(key, cert, 0);
    if (!r)
        r = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &der);
    if (!r)
        r = gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data, der.size, digest);
    if (!r)
        r = base64_encode(&text, digest, sizeof(digest));
    if (!r)
        snprintf(ret->pin, sizeof(ret->pin), PIN_HEAD "%s", buf_text(&text));
    gnutls_free(der.data);
    if (key)
        gnutls_pubkey_deinit(key);
    return r;
}

/* curl tells a certificate as lines "Name:value"; the one that counts is "Cert:" with PEM. */
static int describe_chain(const struct curl_certinfo *chain, struct vim_trust_key *ret)
{
    for (struct curl_slist *i = chain->num_of_certs > 0 ? chain->certinfo[0] : NULL; i;
         i = i->next) {
        gnutls_x509_crt_t cert;
        gnutls_datum_t pem;
        int r;

        if (strncmp(i->data, "Cert:", 5) != 0)
            continue;
        pem = (gnutls_datum_t){(unsigned char *)i->data + 5, (unsigned)strlen(i->data + 5)};
        if (gnutls_x509_crt_init(&cert))
            return -ENOMEM;
        r = gnutls_x509_crt_import(cert, &pem, GNUTLS_X509_FMT_PEM);
        if (!r)
            r = describe(cert, ret);
        gnutls_x509_crt_deinit(cert);
        return r ? -EPROTO : 0;
    }
    return -EPROTO;
}

int vim_trust_probe(const char *address, unsigned connect_s, struct vim_trust_key *ret,
                    enum vim_client_failure *ret_failure, struct error *err)
{
    const struct vim_client_options options = {.address = address, .connect_s = connect_s};
    struct vim_client *c = NULL;
    struct curl_certinfo *chain = NULL;
    char url[VIM_CLIENT_URL_MAX];
    long status;
    int r = vim_client_alloc(&options, &c, err);

    if (r)
        return r;
    /* Nobody is believed here: the handshake is made to see the key, and nothing is sent. */
    curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(c->curl, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(c->curl, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(c->curl, CURLOPT_CERTINFO, 1L);
    curl_easy_setopt(c->curl, CURLOPT_CONNECT_ONLY, 1L);
    snprintf(url, sizeof(url), "https://%s/", address);
    r = vim_http_perform(c, url, &status, err);
    *ret_failure = vim_client_failure(c);
    if (!r && (curl_easy_getinfo(c->curl, CURLINFO_CERTINFO, &chain) || !chain ||
               describe_chain(chain, ret))) {
        *ret_failure = VIM_CLIENT_TLS;
        r = error_set(err, -EPROTO, "%s: the certificate cannot be read", address);
    }
    vim_client_free(c);
    return r;
}

/* --- the file --- */

static int read_known(int dir, struct buf *text)
{
    return fs_read_file(dir, KNOWN_HOSTS, text, NULL);
}

/* The line of a server, and its length with the line feed; NULL when there is none. */
static const char *find_line(const char *text, const char *address, size_t *ret_len)
{
    size_t n = strlen(address);

    while (*text) {
        size_t len = strcspn(text, "\n");

        if (!strncmp(text, address, n) && text[n] == ' ') {
            *ret_len = len + (text[len] == '\n');
            return text;
        }
        text += len + (text[len] == '\n');
    }
    return NULL;
}

/* One word of a line, and what is between it and the next. */
static bool take_word(const char **at, const char *end, char *out, size_t size)
{
    size_t n = 0;

    while (*at + n < end && (*at)[n] > ' ' && (*at)[n] < 0x7f)
        n++;
    if (!n || n >= size || (*at + n < end && (*at)[n] != ' '))
        return false;
    memcpy(out, *at, n);
    out[n] = '\0';
    *at += n + (*at + n < end);
    return true;
}

int vim_trust_read(const char *text, const char *address, struct vim_trust_key *ret)
{
    struct vim_trust_key key;
    size_t len = 0;
    const char *line = find_line(text, address, &len), *end;

    if (!line)
        return 0;
    end = line + len - (line[len - 1] == '\n');
    line += strlen(address) + 1;
    if (!take_word(&line, end, key.pin, sizeof(key.pin)) ||
        !take_word(&line, end, key.fingerprint, sizeof(key.fingerprint)) || line != end ||
        strncmp(key.pin, PIN_HEAD, strlen(PIN_HEAD)) != 0)
        return 0;
    *ret = key;
    return 1;
}

int vim_trust_write(const char *text, const char *address, const struct vim_trust_key *key,
                    struct buf *out)
{
    size_t len = 0, before;
    const char *line;

    if (!*address || strpbrk(address, " \n"))
        return -EINVAL;
    while ((line = find_line(text, address, &len))) {
        buf_put(out, text, (size_t)(line - text));
        text = line + len;
    }
    before = strlen(text);
    buf_put(out, text, before);
    if (before && text[before - 1] != '\n')
        buf_put_str(out, "\n"); /* the last line, that nobody ended */
    return buf_printf(out, "%s %s %s\n", address, key->pin, key->fingerprint);
}

int vim_trust_find(const char *address, struct vim_trust_key *ret)
{
    AUTO_BUF struct buf text = BUF_INIT(VIM_TRUST_FILE_MAX);
    AUTO_CLOSE int dir = vim_userdir_open(VIM_USERDIR_CONFIG, 0, NULL);

    return dir >= 0 && !read_known(dir, &text) && vim_trust_read(buf_text(&text), address, ret);
}

int vim_trust_add(const char *address, const struct vim_trust_key *key, struct error *err)
{
    AUTO_BUF struct buf text = BUF_INIT(VIM_TRUST_FILE_MAX);
    AUTO_BUF struct buf out = BUF_INIT(VIM_TRUST_FILE_MAX);
    AUTO_CLOSE int dir = vim_userdir_open(VIM_USERDIR_CONFIG, 1, err);
    int r;

    if (dir < 0)
        return dir;
    read_known(dir, &text);
    r = vim_trust_write(buf_text(&text), address, key, &out);
    if (r)
        return error_errno(err, r, "known_hosts");
    return fs_write_file(dir, KNOWN_HOSTS, out.data, out.len, 0600, err);
}

int vim_trust_same(const char *a, const char *b)
{
    for (;;) {
        a += *a == ':';
        b += *b == ':';
        if (toupper((unsigned char)*a) != toupper((unsigned char)*b))
            return 0;
        if (!*a)
            return 1;
        a++;
        b++;
    }
}
