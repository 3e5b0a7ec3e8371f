#include "wire/nicinfo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/utf8.h"

/* Smallest encodings of list elements: a count that cannot fit is refused before memory is taken.
 */
#define NIC_MIN     24u
#define IP_MIN      20u
#define ROUTE_MIN   28u
#define ADDRESS_MIN 8u
#define STRING_MIN  4u

#define V1_NIC_SIZE  152u
#define V1_IPS_MAX   8u
#define V1_MAC_SIZE  19u
#define V1_IP_SIZE   16u
#define V2_NIC_MIN   76u
#define V2_IP_SIZE   520u
#define V2_MAC_SIZE  18u
#define V2_TEXT_SIZE 64u

/* ---- XDR ------------------------------------------------------------------------------------- */

struct reader {
    struct cursor c;
    struct arena *a;
    int err; /* first error; the cursor has its own */
};

static int fail(struct reader *r, int err)
{
    if (!r->err)
        r->err = err;
    return r->err;
}

static uint32_t get_u32(struct reader *r)
{
    uint32_t v;

    if (cursor_be32(&r->c, &v))
        fail(r, -EBADMSG);
    return v;
}

static bool get_flag(struct reader *r)
{
    uint32_t v = get_u32(r);

    if (v > 1)
        fail(r, -EBADMSG);
    return v == 1 && !r->err;
}

/* Bytes with their length in front and padding to four behind. */
static const uint8_t *get_opaque(struct reader *r, uint32_t max, uint32_t *ret_len)
{
    uint32_t len = get_u32(r);
    const uint8_t *bytes = NULL;

    *ret_len = 0;
    if (len > max)
        fail(r, -EMSGSIZE);
    else if (cursor_bytes(&r->c, len, &bytes) || cursor_skip(&r->c, -len & 3u))
        fail(r, -EBADMSG);
    else
        *ret_len = len;
    return r->err ? NULL : bytes;
}

static void *get_memory(struct reader *r, size_t count, size_t size)
{
    void *p = r->err ? NULL : arena_calloc(r->a, count ? count : 1, size);

    if (!p)
        fail(r, -ENOMEM);
    return p;
}

static const char *copy_text(struct reader *r, const void *bytes, size_t len)
{
    char *text = r->err ? NULL : arena_strndup(r->a, bytes, len);

    if (!text) {
        fail(r, -ENOMEM);
        return NULL;
    }
    utf8_clean(text);
    return text;
}

static const char *get_text(struct reader *r, uint32_t max)
{
    uint32_t len;
    const uint8_t *bytes = get_opaque(r, max, &len);

    if (r->err)
        return NULL;
    if (len && memchr(bytes, '\0', len)) {
        fail(r, -EBADMSG);
        return NULL;
    }
    return copy_text(r, len ? (const void *)bytes : "", len);
}

static uint32_t get_count(struct reader *r, uint32_t max, size_t min_size)
{
    uint32_t count = get_u32(r);

    if (count > max)
        fail(r, -EMSGSIZE);
    else if (count > r->c.left / min_size)
        fail(r, -EBADMSG);
    return r->err ? 0 : count;
}

static void get_address(struct reader *r, struct nicinfo_address *a)
{
    const uint8_t *bytes;

    a->type = get_u32(r);
    bytes = get_opaque(r, NICINFO_ADDRESS_MAX, &a->len);
    if (r->err)
        return;
    a->bytes = a->len ? arena_memdup(r->a, bytes, a->len) : (const uint8_t *)"";
    if (!a->bytes)
        fail(r, -ENOMEM);
}

static struct nicinfo_dns *get_dns(struct reader *r)
{
    struct nicinfo_dns *d;

    if (!get_flag(r))
        return NULL;
    d = get_memory(r, 1, sizeof(*d));
    if (r->err)
        return NULL;
    if (get_flag(r))
        d->host = get_text(r, NICINFO_NAME_MAX);
    if (get_flag(r))
        d->domain = get_text(r, NICINFO_NAME_MAX);
    d->server_count = get_count(r, NICINFO_SERVERS_MAX, ADDRESS_MIN);
    d->servers = get_memory(r, d->server_count, sizeof(*d->servers));
    for (uint32_t i = 0; i < d->server_count && !r->err; i++)
        get_address(r, &d->servers[i]);
    d->suffix_count = get_count(r, NICINFO_SUFFIXES_MAX, STRING_MIN);
    d->suffixes = get_memory(r, d->suffix_count, sizeof(*d->suffixes));
    for (uint32_t i = 0; i < d->suffix_count && !r->err; i++)
        d->suffixes[i] = get_text(r, NICINFO_NAME_MAX);
    return d;
}

static struct nicinfo_wins *get_wins(struct reader *r)
{
    struct nicinfo_wins *w;

    if (!get_flag(r))
        return NULL;
    w = get_memory(r, 1, sizeof(*w));
    if (r->err)
        return NULL;
    get_address(r, &w->primary);
    get_address(r, &w->secondary);
    return w;
}

static struct nicinfo_dhcp *get_dhcp(struct reader *r)
{
    struct nicinfo_dhcp *d;

    if (!get_flag(r))
        return NULL;
    d = get_memory(r, 1, sizeof(*d));
    if (r->err)
        return NULL;
    d->enabled = get_flag(r);
    d->settings = get_text(r, NICINFO_DHCP_MAX);
    return d;
}

static void get_config(struct reader *r, struct nicinfo_config *c)
{
    c->dns = get_dns(r);
    c->wins = get_wins(r);
    c->dhcp4 = get_dhcp(r);
    c->dhcp6 = get_dhcp(r);
}

static void get_nic(struct reader *r, struct nicinfo_nic *n)
{
    n->mac = get_text(r, NICINFO_MAC_MAX);
    n->ip_count = get_count(r, NICINFO_IPS_MAX, IP_MIN);
    n->ips = get_memory(r, n->ip_count, sizeof(*n->ips));
    for (uint32_t i = 0; i < n->ip_count && !r->err; i++) {
        get_address(r, &n->ips[i].address);
        n->ips[i].prefix = get_u32(r);
        if (get_flag(r))
            n->ips[i].origin = get_u32(r);
        if (get_flag(r))
            n->ips[i].status = get_u32(r);
    }
    get_config(r, &n->config);
}

static void get_route(struct reader *r, struct nicinfo_route *o)
{
    get_address(r, &o->destination);
    o->prefix = get_u32(r);
    if (get_flag(r)) {
        o->next_hop = get_memory(r, 1, sizeof(*o->next_hop));
        if (o->next_hop)
            get_address(r, o->next_hop);
    }
    o->nic = get_u32(r);
    o->type = get_u32(r);
    o->metric = get_u32(r);
}

static void get_v3(struct reader *r, struct nicinfo *info)
{
    info->nic_count = get_count(r, NICINFO_NICS_MAX, NIC_MIN);
    info->nics = get_memory(r, info->nic_count, sizeof(*info->nics));
    for (uint32_t i = 0; i < info->nic_count && !r->err; i++)
        get_nic(r, &info->nics[i]);
    info->route_count = get_count(r, NICINFO_ROUTES_MAX, ROUTE_MIN);
    info->routes = get_memory(r, info->route_count, sizeof(*info->routes));
    for (uint32_t i = 0; i < info->route_count && !r->err; i++)
        get_route(r, &info->routes[i]);
    get_config(r, &info->config);
}

/* ---- the older forms ------------------------------------------------------------------------- */

/* A text address as bytes. */
static void set_address(struct reader *r, const char *text, struct nicinfo_address *a)
{
    uint8_t bytes[16];

    if (inet_pton(AF_INET, text, bytes) == 1) {
        a->type = NICINFO_IPV4;
        a->len = 4;
    } else if (inet_pton(AF_INET6, text, bytes) == 1) {
        a->type = NICINFO_IPV6;
        a->len = 16;
    } else {
        a->type = NICINFO_UNKNOWN;
        a->bytes = (const uint8_t *)"";
        return;
    }
    a->bytes = arena_memdup(r->a, bytes, a->len);
    if (!a->bytes)
        fail(r, -ENOMEM);
}

/* "24", "64", "0xffffff00" or "255.255.255.0". */
static uint32_t mask_prefix(const char *text)
{
    struct in_addr in;
    unsigned long v;
    char *end;

    if (inet_pton(AF_INET, text, &in) == 1)
        return (uint32_t)__builtin_popcount(in.s_addr);
    errno = 0;
    v = strtoul(text, &end, 0);
    if (errno || end == text || *end || v > UINT32_MAX)
        return 0;
    return v > 128 ? (uint32_t)__builtin_popcount((unsigned)v) : (uint32_t)v;
}

/* Text with one character in each of `words` words, up to the first zero. */
static void get_word_text(struct reader *r, size_t words, char *ret)
{
    bool end = false;

    for (size_t i = 0; i < words; i++) {
        uint32_t v = get_u32(r);

        end = end || !(v & 0xff);
        ret[i] = end ? '\0' : (char)(v & 0xff);
    }
    ret[words] = '\0';
}

static void get_v2(struct reader *r, struct nicinfo *info)
{
    char text[V2_TEXT_SIZE + 1];

    info->nic_count = get_count(r, NICINFO_NICS_MAX, V2_NIC_MIN);
    info->nics = get_memory(r, info->nic_count, sizeof(*info->nics));
    for (uint32_t i = 0; i < info->nic_count && !r->err; i++) {
        struct nicinfo_nic *n = &info->nics[i];

        get_word_text(r, V2_MAC_SIZE, text);
        n->mac = copy_text(r, text, strlen(text));
        n->ip_count = get_count(r, NICINFO_IPS_MAX, V2_IP_SIZE);
        n->ips = get_memory(r, n->ip_count, sizeof(*n->ips));
        for (uint32_t k = 0; k < n->ip_count && !r->err; k++) {
            get_u32(r); /* the family, which the text says too */
            n->ips[k].origin = get_flag(r) ? NICINFO_ORIGIN_DHCP : NICINFO_ORIGIN_NONE;
            get_word_text(r, V2_TEXT_SIZE, text);
            set_address(r, text, &n->ips[k].address);
            get_word_text(r, V2_TEXT_SIZE, text);
            n->ips[k].prefix = mask_prefix(text);
        }
    }
}

int nicinfo_decode(const void *bytes, size_t len, struct arena *a, struct nicinfo *ret)
{
    struct reader r = {.c = CURSOR_INIT(bytes, len), .a = a};
    struct nicinfo info = {0};

    info.version = get_u32(&r);
    if (info.version != 2 && info.version != 3)
        return -EBADMSG;
    if (get_flag(&r)) {
        if (info.version == 3)
            get_v3(&r, &info);
        else
            get_v2(&r, &info);
    }
    if (r.err)
        return r.err;
    *ret = info;
    return 0;
}

int nicinfo_decode_v1(const void *bytes, size_t len, struct arena *a, struct nicinfo *ret)
{
    struct reader r = {.c = CURSOR_INIT(bytes, len), .a = a};
    struct nicinfo info = {.version = 1};

    if (len < NICINFO_V1_SIZE || cursor_le32(&r.c, &info.nic_count))
        return -EBADMSG;
    if (info.nic_count > NICINFO_NICS_MAX)
        return -EMSGSIZE;
    info.nics = get_memory(&r, info.nic_count, sizeof(*info.nics));
    for (uint32_t i = 0; i < info.nic_count && !r.err; i++) {
        struct nicinfo_nic *n = &info.nics[i];
        const uint8_t *text;
        struct cursor slot;

        cursor_sub(&r.c, V1_NIC_SIZE, &slot);
        cursor_le32(&slot, &n->ip_count);
        cursor_bytes(&slot, V1_MAC_SIZE, &text);
        if (cursor_error(&slot))
            return -EBADMSG;
        if (n->ip_count > V1_IPS_MAX)
            return -EMSGSIZE;
        n->mac = copy_text(&r, text, strnlen((const char *)text, V1_MAC_SIZE));
        n->ips = get_memory(&r, n->ip_count, sizeof(*n->ips));
        for (uint32_t k = 0; k < n->ip_count && !r.err; k++) {
            char address[V1_IP_SIZE + 1] = {0};

            if (cursor_bytes(&slot, V1_IP_SIZE, &text))
                return -EBADMSG;
            memcpy(address, text, strnlen((const char *)text, V1_IP_SIZE));
            set_address(&r, address, &n->ips[k].address);
        }
    }
    if (r.err)
        return r.err;
    *ret = info;
    return 0;
}

/* ---- writing V3 --------------------------------------------------------------------------------
 */

static void put_opaque(struct buf *b, const void *bytes, size_t len, size_t max)
{
    if (len > max && !b->err)
        b->err = -EINVAL;
    buf_put_be32(b, (uint32_t)len);
    buf_put(b, bytes, len);
    buf_put_zeros(b, -len & 3u);
}

static void put_text(struct buf *b, const char *text, size_t max)
{
    text = text ? text : "";
    put_opaque(b, text, strlen(text), max);
}

static void put_count(struct buf *b, uint32_t count, uint32_t max)
{
    if (count > max && !b->err)
        b->err = -EINVAL;
    buf_put_be32(b, count);
}

static void put_address(struct buf *b, const struct nicinfo_address *a)
{
    buf_put_be32(b, a->type);
    put_opaque(b, a->bytes, a->len, NICINFO_ADDRESS_MAX);
}

static void put_opt_text(struct buf *b, const char *text, size_t max)
{
    buf_put_be32(b, text != NULL);
    if (text)
        put_text(b, text, max);
}

static void put_opt_u32(struct buf *b, uint32_t v)
{
    buf_put_be32(b, v != 0);
    if (v)
        buf_put_be32(b, v);
}

static void put_dhcp(struct buf *b, const struct nicinfo_dhcp *d)
{
    buf_put_be32(b, d != NULL);
    if (d) {
        buf_put_be32(b, d->enabled);
        put_text(b, d->settings, NICINFO_DHCP_MAX);
    }
}

static void put_config(struct buf *b, const struct nicinfo_config *c)
{
    buf_put_be32(b, c->dns != NULL);
    if (c->dns) {
        put_opt_text(b, c->dns->host, NICINFO_NAME_MAX);
        put_opt_text(b, c->dns->domain, NICINFO_NAME_MAX);
        put_count(b, c->dns->server_count, NICINFO_SERVERS_MAX);
        for (uint32_t i = 0; i < c->dns->server_count && !b->err; i++)
            put_address(b, &c->dns->servers[i]);
        put_count(b, c->dns->suffix_count, NICINFO_SUFFIXES_MAX);
        for (uint32_t i = 0; i < c->dns->suffix_count && !b->err; i++)
            put_text(b, c->dns->suffixes[i], NICINFO_NAME_MAX);
    }
    buf_put_be32(b, c->wins != NULL);
    if (c->wins) {
        put_address(b, &c->wins->primary);
        put_address(b, &c->wins->secondary);
    }
    put_dhcp(b, c->dhcp4);
    put_dhcp(b, c->dhcp6);
}

static void put_nic(struct buf *b, const struct nicinfo_nic *n)
{
    put_text(b, n->mac, NICINFO_MAC_MAX);
    put_count(b, n->ip_count, NICINFO_IPS_MAX);
    for (uint32_t i = 0; i < n->ip_count && !b->err; i++) {
        put_address(b, &n->ips[i].address);
        buf_put_be32(b, n->ips[i].prefix);
        put_opt_u32(b, n->ips[i].origin);
        put_opt_u32(b, n->ips[i].status);
    }
    put_config(b, &n->config);
}

int nicinfo_encode(struct buf *b, const struct nicinfo *info)
{
    buf_put_be32(b, 3);
    buf_put_be32(b, 1);
    put_count(b, info->nic_count, NICINFO_NICS_MAX);
    for (uint32_t i = 0; i < info->nic_count && !b->err; i++)
        put_nic(b, &info->nics[i]);
    put_count(b, info->route_count, NICINFO_ROUTES_MAX);
    for (uint32_t i = 0; i < info->route_count && !b->err; i++) {
        const struct nicinfo_route *o = &info->routes[i];

        put_address(b, &o->destination);
        buf_put_be32(b, o->prefix);
        buf_put_be32(b, o->next_hop != NULL);
        if (o->next_hop)
            put_address(b, o->next_hop);
        buf_put_be32(b, o->nic);
        buf_put_be32(b, o->type);
        buf_put_be32(b, o->metric);
    }
    put_config(b, &info->config);
    return b->err;
}

/* ---- text --------------------------------------------------------------------------------------
 */

int nicinfo_address_text(const struct nicinfo_address *a, char ret[NICINFO_TEXT_MAX])
{
    int family = a->len == 4 ? AF_INET : AF_INET6;
    bool ipv4 = a->type == NICINFO_IPV4 || a->type == NICINFO_IPV4_ZONE;
    bool ipv6 = a->type == NICINFO_IPV6 || a->type == NICINFO_IPV6_ZONE;

    if (!(ipv4 && a->len == 4) && !(ipv6 && a->len == 16))
        return -EINVAL;
    return inet_ntop(family, a->bytes, ret, NICINFO_TEXT_MAX) ? 0 : -EINVAL;
}

/* Worth calling the guest's address: neither unset, loopback nor link-local. */
static bool routable(const struct nicinfo_address *a)
{
    static const uint8_t zeros[15];
    const uint8_t *p = a->bytes;

    if (a->len == 4)
        return p[0] != 0 && p[0] != 127 && !(p[0] == 169 && p[1] == 254);
    return !(p[0] == 0xfe && (p[1] & 0xc0) == 0x80) && !(!memcmp(p, zeros, 15) && p[15] <= 1);
}

int nicinfo_primary(const struct nicinfo *info, char ret[NICINFO_TEXT_MAX])
{
    for (unsigned pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < info->nic_count; i++) {
            for (uint32_t k = 0; k < info->nics[i].ip_count; k++) {
                const struct nicinfo_address *a = &info->nics[i].ips[k].address;

                if (a->len == (pass ? 16 : 4) && routable(a) && !nicinfo_address_text(a, ret))
                    return 0;
            }
        }
    }
    return -ENOENT;
}
