#include "wire/rpc.h"

#include <errno.h>
#include <string.h>

static bool name_equal(const char *name, size_t len, const char *want)
{
    return len == strlen(want) && !memcmp(name, want, len);
}

/* The commands whose arguments are bytes. */
static const struct {
    const char *name;
    bool prefix;
} binary_commands[] = {
    {"f", false},
    {"Vix_1_Relayed_Command", false},
    {"namespace-priv-", true},
    {"vmbackup.startWithOpts", false},
};

/* SetGuestInfo is binary for some ids only; its args are ` ID DATA`. */
static bool guest_info_is_binary(const uint8_t *args, size_t len)
{
    unsigned id = 0;
    size_t i = len && args[0] == ' ' ? 1 : 0;

    for (; i < len && args[i] >= '0' && args[i] <= '9' && id < 1000; i++)
        id = id * 10 + (unsigned)(args[i] - '0');
    return id == 2 || id == 3 || (id >= 8 && id <= 11);
}

/* Whether a message's arguments are bytes whose trailing NULs belong to them: `f`, SetGuestInfo
 * with a binary type, namespace-priv-*, Vix_1_Relayed_Command, vmbackup.startWithOpts. */
static bool rpc_is_binary(const char *name, size_t name_len, const void *args, size_t args_len)
{
    for (size_t i = 0; i < sizeof(binary_commands) / sizeof(binary_commands[0]); i++) {
        size_t n = strlen(binary_commands[i].name);

        if ((binary_commands[i].prefix ? name_len >= n : name_len == n) &&
            !memcmp(name, binary_commands[i].name, n))
            return true;
    }
    return name_equal(name, name_len, "SetGuestInfo") && guest_info_is_binary(args, args_len);
}

int rpc_split(const void *message, size_t len, struct rpc_message *ret)
{
    struct rpc_message m = {.name = message};
    const uint8_t *bytes = message;

    while (m.name_len < len && bytes[m.name_len] > ' ' && bytes[m.name_len] != 0x7f)
        m.name_len++;
    if (!m.name_len || m.name_len > RPC_NAME_MAX)
        return -EBADMSG;
    m.args = bytes + m.name_len;
    m.args_len = len - m.name_len;
    if (m.args_len && m.args[0] == ' ') {
        m.args++;
        m.args_len--;
    } else {
        /* Without a separator only the trailing NULs may follow. */
        for (size_t i = 0; i < m.args_len; i++)
            if (m.args[i])
                return -EBADMSG;
    }
    m.binary = rpc_is_binary(m.name, m.name_len, m.args, m.args_len);
    if (!m.binary)
        while (m.args_len && !m.args[m.args_len - 1])
            m.args_len--;
    *ret = m;
    return 0;
}

bool rpc_name_is(const struct rpc_message *m, const char *name)
{
    return name_equal(m->name, m->name_len, name);
}

bool rpc_next_word(const uint8_t **p, size_t *left, const char **ret, size_t *ret_len)
{
    while (*left && **p == ' ') {
        (*p)++;
        (*left)--;
    }
    if (!*left)
        return false;
    *ret = (const char *)*p;
    *ret_len = 0;
    while (*left && **p != ' ') {
        (*p)++;
        (*left)--;
        (*ret_len)++;
    }
    return true;
}

int rpc_word_int64(const char *word, size_t len, int64_t *ret)
{
    bool negative = len && word[0] == '-';
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    uint64_t v = 0;
    size_t i = negative ? 1 : 0;

    if (i == len)
        return -EINVAL;
    for (; i < len; i++) {
        uint64_t d = (uint64_t)(word[i] - '0');

        if (word[i] < '0' || word[i] > '9' || v > (limit - d) / 10)
            return -EINVAL;
        v = v * 10 + d;
    }
    *ret = (int64_t)(negative ? 0 - v : v);
    return 0;
}

int rpc_put_reply(struct buf *b, bool ok, const void *result, size_t len)
{
    buf_put_str(b, ok ? "1 " : "0 ");
    return buf_put(b, result, len);
}

int rpc_put_reply_str(struct buf *b, bool ok, const char *result)
{
    return rpc_put_reply(b, ok, result, strlen(result));
}

int rpc_parse_reply(const void *message, size_t len, bool *ret_ok, const uint8_t **ret_result,
                    size_t *ret_len)
{
    const uint8_t *p = message;

    if (len < 2 || (p[0] != '0' && p[0] != '1') || p[1] != ' ')
        return -EBADMSG;
    *ret_ok = p[0] == '1';
    *ret_result = p + 2;
    *ret_len = len - 2;
    return 0;
}

int rpc_put_tclo_reply(struct buf *b, bool ok, const void *result, size_t len)
{
    buf_put_str(b, ok ? "OK " : "ERROR ");
    return buf_put(b, result, len);
}

int rpc_put_tclo_reply_str(struct buf *b, bool ok, const char *result)
{
    return rpc_put_tclo_reply(b, ok, result, strlen(result));
}

/* What the known agents begin a reply with. "Unknown Command" alone is the Go toolbox. */
static const struct {
    const char *text;
    bool ok;
    bool whole; /* nothing may follow without a space */
} tclo_prefixes[] = {
    {"OK", true, true},
    {"ERROR", false, true},
    {"ERR", false, true},
    {RPC_TCLO_UNKNOWN, false, false},
};

int rpc_parse_tclo_reply(const void *message, size_t len, bool *ret_ok, const uint8_t **ret_result,
                         size_t *ret_len)
{
    const uint8_t *p = message;

    for (size_t i = 0; i < sizeof(tclo_prefixes) / sizeof(tclo_prefixes[0]); i++) {
        size_t n = strlen(tclo_prefixes[i].text);

        if (len < n || memcmp(p, tclo_prefixes[i].text, n))
            continue;
        if (tclo_prefixes[i].whole) {
            if (len > n && p[n] != ' ')
                continue;
            n = len > n ? n + 1 : n;
        } else {
            n = 0;
        }
        *ret_ok = tclo_prefixes[i].ok;
        *ret_result = p + n;
        *ret_len = len - n;
        return 0;
    }
    return -EBADMSG;
}
