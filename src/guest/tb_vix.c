/*
 * VIX requests inside TCLO: envelope, header, dispatch by opcode, the answer's form.
 * (VIX guest command protocol, "Envelope", "Message headers".)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "guest/tb_embed.h"
#include "guest/toolbox_impl.h"
#include "wire/vix.h"
#include "wire/vix_auth.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"

struct vix_open {
    struct toolbox_vix pub; /* first: the public pointer is this one */
    TAILQ_ENTRY(vix_open) link;
    struct toolbox_request *req;
    struct vix_handler handler; /* a copy: registrations may change meanwhile */
    char name[VIX_RELAY_NAME_MAX + 1];
    bool lists_all; /* processes: the embedding program's are to be added */
    size_t len;
    uint8_t message[]; /* may hold a password: cleared before it is freed */
};

static void vix_free(struct vix_open *v)
{
    TAILQ_REMOVE(&v->pub.tb->vix_open, v, link);
    mem_free_secret(v, sizeof(*v) + v->len);
}

void vix_free_all(struct toolbox *tb)
{
    struct vix_open *v;
    while ((v = TAILQ_FIRST(&tb->vix_open)))
        vix_free(v);
}

static int vix_answer(struct toolbox_request *req, uint64_t err, uint32_t additional, bool binary,
                      const void *result, size_t len)
{
    /* A tagged channel takes more than a stock host's reply buffer. */
    AUTO_BUF struct buf b = BUF_INIT(TOOLBOX_VIX_LARGE_MAX);
    const struct vix_reply reply = {.error = err,
                                    .additional = additional,
                                    .binary = binary,
                                    .result = result,
                                    .result_len = len};
    int r = vix_reply_encode(&b, &reply);
    if (r < 0)
        return r;
    return toolbox_reply(req, true, b.data, b.len);
}

static void vix_refuse(struct toolbox_request *req, uint64_t err)
{
    if (vix_answer(req, err, 0, false, NULL, 0) == -ENOMEM)
        toolbox_reply(req, false, "Out of memory.", strlen("Out of memory."));
}

int toolbox_vix_reply(struct toolbox_vix *pub, uint64_t vix_error, uint32_t os_error,
                      const void *result, size_t len)
{
    struct vix_open *v = (struct vix_open *)pub;
    bool binary = pub->common_flags & VIX_COMMON_BINARY;
    int r;
    if (v->lists_all && vix_error == 0) {
        AUTO_BUF struct buf all = BUF_INIT(pub->max_result);
        /* With no room for all it is the guest's that count. */
        v->lists_all = false;
        if (buf_put(&all, result, len) == 0 && embed_append_processes(pub, &all) == 0)
            return toolbox_vix_reply(pub, 0, 0, all.data, all.len);
    }
    if (len > pub->max_result || (!binary && len && memchr(result, '\0', len)))
        r = vix_answer(v->req, VIX_E_OUT_OF_MEMORY, 0, binary, NULL, 0);
    else
        r = vix_answer(v->req, vix_error, os_error, binary, result, len);
    vix_free(v);
    return r;
}

static const struct vix_handler *vix_find(const struct toolbox *tb, uint32_t opcode)
{
    const struct vix_handler *fallback = NULL;
    for (unsigned i = 0; i < tb->nvix; i++) {
        if (tb->vix[i].opcode == opcode)
            return &tb->vix[i];
        if (tb->vix[i].opcode == TOOLBOX_VIX_DEFAULT)
            fallback = &tb->vix[i];
    }
    return fallback;
}

int toolbox_on_vix(struct toolbox *tb, uint32_t opcode, unsigned flags, toolbox_vix_fn fn,
                   void *arg)
{
    struct vix_handler *h = NULL;
    for (unsigned i = 0; i < tb->nvix; i++) {
        if (tb->vix[i].opcode == opcode)
            h = &tb->vix[i];
    }
    if (!fn) {
        if (h)
            *h = tb->vix[--tb->nvix];
        return 0;
    }
    if (!h) {
        if (tb->nvix == VIX_HANDLERS_MAX)
            return -ENOSPC;
        h = &tb->vix[tb->nvix++];
    }
    *h = (struct vix_handler){.opcode = opcode, .flags = flags, .fn = fn, .arg = arg};
    return 0;
}

void toolbox_set_authenticator(struct toolbox *tb, toolbox_auth_fn fn, void *arg)
{
    tb->auth_fn = fn;
    tb->auth_arg = arg;
}

int toolbox_vix_login(const struct toolbox_vix *req, char *name, size_t name_size, char *password,
                      size_t password_size)
{
    AUTO_VIX_CREDENTIAL struct vix_credential c = {0};
    int r = vix_credential_decode(req->credential_type, req->credential, req->credential_len, &c);
    if (r < 0)
        return r;
    if (!c.name || !c.password)
        return -EOPNOTSUPP;
    if (strlen(c.name) >= name_size || strlen(c.password) >= password_size)
        return -EMSGSIZE;
    snprintf(name, name_size, "%s", c.name);
    snprintf(password, password_size, "%s", c.password);
    return 0;
}

void toolbox_vix_authenticated(struct toolbox_vix *pub, uint64_t vix_error,
                               const struct toolbox_identity *identity)
{
    struct vix_open *v = (struct vix_open *)pub;
    if (vix_error == 0 && identity) {
        pub->authenticated = true;
        pub->identity = *identity;
        v->handler.fn(pub->tb, pub, v->handler.arg);
        return;
    }
    toolbox_vix_reply(pub, vix_error ? vix_error : VIX_E_INVALID_LOGIN_CREDENTIALS, 0, NULL, 0);
}

/* A list of all processes that fits one answer. */
static bool lists_all(const struct toolbox_vix *pub)
{
    union vix_body b;
    return pub->tb->embed && pub->tb->embed->processes && pub->opcode == VIX_OP_LIST_PROCESSES_EX &&
           vix_body_decode(pub->opcode, pub->body, pub->body_len, &b) == 0 &&
           !b.list_processes.key && !b.list_processes.count;
}

void vix_command(struct toolbox *tb, struct toolbox_request *req, const uint8_t *args, size_t len,
                 void *arg)
{
    (void)arg;
    const char *name;
    size_t name_len, message_len;
    const uint8_t *message;
    if (vix_relay_decode(args, len, &name, &name_len, &message, &message_len) < 0) {
        vix_refuse(req, VIX_E_INVALID_MESSAGE_HEADER);
        return;
    }
    size_t max = req->id ? TOOLBOX_VIX_LARGE_MAX : TOOLBOX_VIX_MAX;
    struct vix_open *v = message_len <= max ? mem_calloc(1, sizeof(*v) + message_len + 1) : NULL;
    if (!v) {
        vix_refuse(req, message_len <= max ? VIX_E_OUT_OF_MEMORY : VIX_E_INVALID_MESSAGE_HEADER);
        return;
    }
    v->req = req;
    v->len = message_len;
    v->pub.tb = tb;
    TAILQ_INSERT_TAIL(&tb->vix_open, v, link);
    memcpy(v->message, message, message_len);
    if (name_len < sizeof(v->name))
        memcpy(v->name, name, name_len);
    struct vix_request rq;
    if (vix_request_decode(v->message, message_len, &rq) < 0) {
        vix_free(v);
        vix_refuse(req, VIX_E_INVALID_MESSAGE_HEADER);
        return;
    }
    v->pub = (struct toolbox_vix){
        .tb = tb,
        .name = v->name,
        .message = v->message,
        .message_len = message_len,
        .opcode = rq.opcode,
        .request_flags = rq.flags,
        .common_flags = rq.common_flags,
        .timeout_s = rq.timeout,
        .max_result = max - TOOLBOX_VIX_PREFIX_MAX,
        .body = rq.body,
        .body_len = rq.body_len,
        .credential_type = rq.credential_type,
        .credential = rq.credential,
        .credential_len = rq.credential_len,
    };
    static const struct vix_handler embedded = {.flags = TOOLBOX_VIX_AUTH, .fn = embed_handle};
    const struct vix_handler *h = vix_find(tb, rq.opcode);
    if (embed_takes(&v->pub, h != NULL))
        h = &embedded;
    else
        v->lists_all = lists_all(&v->pub);
    if (!h) {
        toolbox_vix_reply(&v->pub, VIX_E_UNRECOGNIZED_COMMAND_IN_GUEST, 0, NULL, 0);
        return;
    }
    v->handler = *h;
    if (!(h->flags & TOOLBOX_VIX_AUTH))
        h->fn(tb, &v->pub, h->arg);
    else if (tb->auth_fn)
        tb->auth_fn(tb, &v->pub, tb->auth_arg);
    else
        toolbox_vix_authenticated(&v->pub, VIX_E_NOT_SUPPORTED, NULL);
}
