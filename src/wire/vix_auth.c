#include "wire/vix_auth.h"

#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/cursor.h"
#include "base/mem.h"
#include "base/utf8.h"

#define BLOB_MAX (2 * BASE64_SIZE(VIX_TOKEN_MAX + VIX_NAME_MAX + 2))

/* Byte k of this string is written as a backslash and the digit k + 1. */
static const char escaped_bytes[] = "\\'\" \r\n\t";

static void clear_buf(struct buf *b)
{
    mem_free_secret(b->data, b->size);
    *b = BUF_INIT(0);
}
#define AUTO_SECRET __attribute__((cleanup(clear_buf)))

/* Room for everything at once: growing would leave copies of a secret behind in freed memory. */
static int secret_room(struct buf *b, size_t n)
{
    uint8_t *ignored;

    *b = BUF_INIT(n);
    return buf_reserve(b, n, &ignored);
}

int vix_obfuscate(struct buf *b, const void *bytes, size_t len)
{
    AUTO_SECRET struct buf text = {0};
    int r = secret_room(&text, BASE64_SIZE(len) + 1);

    if (!r)
        r = base64_encode(&text, bytes, len);
    for (size_t i = 0; !r && i < text.len; i++) {
        const char *hit = strchr(escaped_bytes, text.data[i]);

        if (hit) {
            buf_put_u8(b, '\\');
            r = buf_put_u8(b, (uint8_t)('1' + (hit - escaped_bytes)));
        } else {
            r = buf_put_u8(b, text.data[i]);
        }
    }
    return r;
}

int vix_deobfuscate(struct buf *b, const void *text, size_t len)
{
    AUTO_SECRET struct buf plain = {0};
    const char *p = text;
    int r = secret_room(&plain, len + 1);

    for (size_t i = 0; !r && i < len; i++) {
        char c = p[i];

        if (c == '\\') {
            i++;
            if (i == len || p[i] < '1' || p[i] > '7')
                return -EBADMSG;
            c = escaped_bytes[p[i] - '1'];
        }
        r = buf_put_u8(&plain, (uint8_t)c);
    }
    return r ? r : base64_decode(b, (const char *)plain.data, plain.len);
}

static size_t length(const char *s)
{
    return s ? strlen(s) : 0;
}

/* Blob of two strings: their lengths in the given order, then the encoding of both with NULs. */
static int encode_pair(struct buf *b, const char *first, const char *second, uint32_t len0,
                       uint32_t len1)
{
    AUTO_SECRET struct buf plain = {0};
    int r = secret_room(&plain, length(first) + length(second) + 3);

    if (r)
        return r;
    buf_put(&plain, first, length(first));
    buf_put_u8(&plain, 0);
    buf_put(&plain, second, length(second));
    buf_put_u8(&plain, 0);
    buf_put_le32(b, len0);
    buf_put_le32(b, len1);
    r = vix_obfuscate(b, plain.data, plain.len);
    return r ? r : buf_put_u8(b, 0);
}

int vix_credential_encode(struct buf *b, const struct vix_credential *cred)
{
    size_t name = length(cred->name), password = length(cred->password);
    size_t token = length(cred->token);
    int r;

    if (name > VIX_NAME_MAX || password > VIX_PASSWORD_MAX || token > VIX_TOKEN_MAX)
        return -EINVAL;
    switch (cred->type) {
    case VIX_CRED_NONE:
    case VIX_CRED_ANONYMOUS:
    case VIX_CRED_ROOT:
    case VIX_CRED_CONSOLE_USER:
        return 0;
    case VIX_CRED_NAME_PASSWORD:
    case VIX_CRED_NAME_PASSWORD_OBFUSCATED:
    case VIX_CRED_INTERACTIVE_USER:
        r = encode_pair(b, cred->name, cred->password, (uint32_t)name, (uint32_t)password);
        return r;
    case VIX_CRED_SAML_TOKEN:
    case VIX_CRED_SAML_TOKEN_HOST_VERIFIED:
        if (!token)
            return -EINVAL;
        return encode_pair(b, cred->token, cred->name, (uint32_t)token, (uint32_t)name);
    case VIX_CRED_TICKETED_SESSION:
        if (!token)
            return -EINVAL;
        buf_put_le32(b, (uint32_t)token);
        buf_put(b, cred->token, token);
        return buf_put_u8(b, 0);
    default:
        return -EINVAL;
    }
}

static int copy_text(const void *text, size_t len, char **ret)
{
    if (!utf8_valid(text, len))
        return -EILSEQ;
    *ret = mem_strndup(text, len);
    return *ret ? 0 : -ENOMEM;
}

/* The lengths in the blob are not used: one known agent slices with them, the others go by the
 * NULs, and a difference must not decide who somebody is. They must agree. */
static int decode_pair(const void *blob, size_t len, char **ret_first, size_t first_max,
                       char **ret_second, size_t second_max)
{
    AUTO_SECRET struct buf plain = {0};
    struct cursor c = CURSOR_INIT(blob, len);
    const char *text, *nul;
    uint32_t len0, len1;
    size_t n0, n1;
    int r;

    cursor_le32(&c, &len0);
    cursor_le32(&c, &len1);
    if (cursor_error(&c) || !c.left || c.left > BLOB_MAX || cursor_text(&c, c.left - 1, &text))
        return -EBADMSG;
    r = secret_room(&plain, len);
    if (!r)
        r = vix_deobfuscate(&plain, text, strlen(text));
    if (r)
        return r == -ENOMEM ? r : -EBADMSG;
    nul = plain.len ? memchr(plain.data, '\0', plain.len) : NULL;
    if (!nul)
        return -EBADMSG;
    n0 = (size_t)(nul - (const char *)plain.data);
    n1 = plain.len - n0 - 1;
    if (!n1 || memchr(nul + 1, '\0', n1) != nul + n1)
        return -EBADMSG;
    n1--;
    if (n0 != len0 || n1 != len1 || n0 > first_max || n1 > second_max)
        return -EBADMSG;
    r = copy_text(plain.data, n0, ret_first);
    return r ? r : copy_text(nul + 1, n1, ret_second);
}

static int decode_ticket(const void *blob, size_t len, char **ret)
{
    struct cursor c = CURSOR_INIT(blob, len);
    const char *text;
    uint32_t n;

    cursor_le32(&c, &n);
    if (cursor_error(&c) || !n || n > VIX_TOKEN_MAX || cursor_text(&c, n, &text) || c.left)
        return -EBADMSG;
    return copy_text(text, n, ret);
}

int vix_credential_decode(uint32_t type, const void *blob, size_t len, struct vix_credential *ret)
{
    struct vix_credential cred = {.type = type};
    int r;

    switch (type) {
    case VIX_CRED_NONE:
    case VIX_CRED_ANONYMOUS:
    case VIX_CRED_ROOT:
    case VIX_CRED_CONSOLE_USER:
        r = 0;
        break;
    case VIX_CRED_NAME_PASSWORD:
    case VIX_CRED_NAME_PASSWORD_OBFUSCATED:
    case VIX_CRED_INTERACTIVE_USER:
        r = decode_pair(blob, len, &cred.name, VIX_NAME_MAX, &cred.password, VIX_PASSWORD_MAX);
        break;
    case VIX_CRED_SAML_TOKEN:
    case VIX_CRED_SAML_TOKEN_HOST_VERIFIED:
        r = decode_pair(blob, len, &cred.token, VIX_TOKEN_MAX, &cred.name, VIX_NAME_MAX);
        break;
    case VIX_CRED_TICKETED_SESSION:
        r = decode_ticket(blob, len, &cred.token);
        break;
    default:
        r = -EOPNOTSUPP;
    }
    if (r) {
        vix_credential_clear(&cred);
        return r;
    }
    *ret = cred;
    return 0;
}

static void clear_text(char **text)
{
    if (*text)
        mem_free_secret(*text, strlen(*text));
    *text = NULL;
}

void vix_credential_clear(struct vix_credential *cred)
{
    clear_text(&cred->name);
    clear_text(&cred->password);
    clear_text(&cred->token);
    cred->type = VIX_CRED_NONE;
}
