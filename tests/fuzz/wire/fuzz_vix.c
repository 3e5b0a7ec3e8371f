/* A relayed VIX request down to body and credential, and a property list. What decodes must encode
 * to what decodes again. */
#include "fuzz_wire.h"

#include "base/buf.h"
#include "base/cursor.h"
#include "wire/vix.h"
#include "wire/vix_auth.h"
#include "wire/vix_body.h"
#include "wire/vix_describe.h"
#include "wire/vix_proplist.h"
#include "wire/vix_ticket.h"

#define ROOM (1u << 20)

static void check_body(const struct vix_request *rq)
{
    AUTO_BUF struct buf b = BUF_INIT(ROOM), b2 = BUF_INIT(ROOM);
    union vix_body body, back;

    if (vix_body_decode(rq->opcode, rq->body, rq->body_len, &body))
        return;
    MUST(!vix_body_encode(&b, rq->opcode, &body));
    MUST(!vix_body_decode(rq->opcode, b.len ? b.data : (const uint8_t *)"", b.len, &back));
    MUST(!vix_body_encode(&b2, rq->opcode, &back));
    MUST(b.len == b2.len && (!b.len || !memcmp(b.data, b2.data, b.len)));
}

static void check_credential(const struct vix_request *rq)
{
    AUTO_VIX_CREDENTIAL struct vix_credential cred = {0}, back = {0};
    AUTO_BUF struct buf b = BUF_INIT(ROOM);

    if (vix_credential_decode(rq->credential_type, rq->credential, rq->credential_len, &cred))
        return;
    MUST(!cred.name || strlen(cred.name) <= VIX_NAME_MAX);
    MUST(!cred.password || strlen(cred.password) <= VIX_PASSWORD_MAX);
    if (vix_credential_encode(&b, &cred))
        return;
    MUST(!vix_credential_decode(cred.type, b.data, b.len, &back));
    MUST(!cred.name || !strcmp(cred.name, back.name));
    MUST(!cred.password || !strcmp(cred.password, back.password));
}

/* What goes into logs is one line of a bounded length. */
static void check_words(const struct vix_request *rq)
{
    char words[VIX_DESCRIBE_SIZE], name[VIX_NAME_MAX + 1];
    AUTO_BUF struct buf text = BUF_INIT(ROOM);

    MUST(!strpbrk(vix_describe(rq, words), "\r\n\033"));
    MUST(!strpbrk(vix_describe_user(rq, words), "\r\n\033"));
    vix_continues(rq);
    vix_result_is_partial(rq->opcode, rq->body, rq->body_len);
    MUST(!buf_put(&text, rq->credential, rq->credential_len) && !buf_put_u8(&text, 0));
    if (!vix_ticket_name(buf_text(&text), name))
        MUST(name[0] && strlen(name) <= VIX_NAME_MAX);
}

static void check_request(const uint8_t *message, size_t len)
{
    struct vix_request rq;

    if (vix_request_decode(message, len, &rq))
        return;
    check_body(&rq);
    check_credential(&rq);
    check_words(&rq);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = CURSOR_INIT(data, size);
    struct vix_run_done done;
    struct vix_property p;
    struct vix_reply reply;
    const uint8_t *message;
    const char *name;
    size_t name_len, len;

    while (vix_proplist_next(&c, &p) == 1)
        MUST(p.len && p.bytes >= data && p.bytes + p.len <= data + size);
    for (int binary = 0; binary < 2; binary++)
        if (!vix_reply_decode(data, size, binary, &reply))
            MUST(reply.result + reply.result_len <= data + size);
    if (!vix_run_done_decode(data, size, &done))
        MUST(done.name_len && done.name_len <= VIX_RELAY_NAME_MAX);
    check_request(data, size);
    if (!vix_relay_decode(data, size, &name, &name_len, &message, &len)) {
        MUST(name_len <= VIX_RELAY_NAME_MAX && message + len == data + size);
        check_request(message, len);
    }
    return 0;
}
