/* The host's REST API for the commands that use it. */
#include <errno.h>
#include <stdlib.h>

#include "admin/admin.h"

#define ANSWER_MAX (64u << 20)

int admin_rest(struct admin *ad, const char *verb, const char *path, const json_t *body,
               json_t **ret, struct error *err)
{
    AUTO_BUF struct buf answer = BUF_INIT(ANSWER_MAX);
    char *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    int r = admin_connect(ad, err);

    if (!r && (!path || (body && !text)))
        r = error_set(err, -ENOMEM, "out of memory");
    if (!r)
        r = vim_client_rest(ad->client, verb, path, text, &answer, err);
    free(text); /* jansson's */
    if (r || !ret)
        return r;
    *ret = json_loadb(buf_text(&answer), answer.len, JSON_DECODE_ANY, NULL);
    return *ret ? 0 : error_set(err, -EPROTO, "the host's answer is not understood");
}
