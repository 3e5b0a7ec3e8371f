#include "hostd/guest_op.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "hostd/guest_target.h"
#include "hostd/session.h"
#include "wire/vix.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"

#define RESULT_TEXT_MAX (16u << 20) /* a list that comes in parts */

/* What all requests of the guest managers begin with. */
struct guest_head {
    struct vim_ref this_;
    struct vim_ref vm;
    struct vim_GuestAuthentication *auth;
};
#define ASSERT_HEAD(method, auth_name)                                       \
    _Static_assert(offsetof(struct vim_##method##_request, vm) ==            \
                           offsetof(struct guest_head, vm) &&                \
                       offsetof(struct vim_##method##_request, auth_name) == \
                           offsetof(struct guest_head, auth),                \
                   "requests of guest methods begin alike")
ASSERT_HEAD(ValidateCredentialsInGuest, auth);
ASSERT_HEAD(AcquireCredentialsInGuest, requestedAuth);
ASSERT_HEAD(ReleaseCredentialsInGuest, auth);
ASSERT_HEAD(StartProgramInGuest, auth);
ASSERT_HEAD(ListProcessesInGuest, auth);
ASSERT_HEAD(TerminateProcessInGuest, auth);
ASSERT_HEAD(ReadEnvironmentVariableInGuest, auth);
ASSERT_HEAD(ListFilesInGuest, auth);
ASSERT_HEAD(MakeDirectoryInGuest, auth);
ASSERT_HEAD(DeleteFileInGuest, auth);
ASSERT_HEAD(DeleteDirectoryInGuest, auth);
ASSERT_HEAD(MoveFileInGuest, auth);
ASSERT_HEAD(MoveDirectoryInGuest, auth);
ASSERT_HEAD(CreateTemporaryFileInGuest, auth);
ASSERT_HEAD(CreateTemporaryDirectoryInGuest, auth);
ASSERT_HEAD(ChangeFileAttributesInGuest, auth);
ASSERT_HEAD(InitiateFileTransferFromGuest, auth);
ASSERT_HEAD(InitiateFileTransferToGuest, auth);
ASSERT_HEAD(StartLiveProgramInGuest, auth);
ASSERT_HEAD(ConnectToPortInGuest, auth);
ASSERT_HEAD(WaitForProcessInGuest, auth);

static const struct guest_head *head_of(const struct call *call)
{
    return call->req;
}

/* Every method calls it `auth`, but for the one that is asked for credentials. */
static const char *auth_name(const struct call *call)
{
    return vim_field_find(call->method->request, "auth") ? "auth" : "requestedAuth";
}

unsigned guest_op_deadline_ms(const struct host *host)
{
    unsigned seconds = host->options.guest_op_seconds;

    return (seconds ? seconds : GUEST_OP_SECONDS) * 1000u;
}

static void op_free(struct guest_op *op)
{
    guest_wait_cancel(op->wait);
    if (op->free_data)
        op->free_data(op->data);
    vix_credential_clear(&op->credential);
    buf_free(&op->text);
    mem_free(op);
}

void guest_op_return(struct guest_op *op, const void *result)
{
    call_return(op->call, result);
    op_free(op);
}

void guest_op_invalid(struct guest_op *op, const char *property)
{
    call_fault_invalid_argument(op->call, property);
    op_free(op);
}

void guest_op_malformed(struct guest_op *op)
{
    const struct vmlink_reply reply = {
        .code = -EBADMSG, .hop = "agent", .text = "its answer cannot be understood"};

    guest_fault_reply(op->call, &reply, &op->subject);
    op_free(op);
}

void guest_op_no_memory(struct guest_op *op)
{
    call_fault_errno(op->call, -ENOMEM, "a guest operation");
    op_free(op);
}

void guest_op_refused(struct guest_op *op, uint64_t vix_error)
{
    guest_fault_vix(op->call, vix_error, 0, &op->subject);
    op_free(op);
}

bool guest_op_path(struct guest_op *op, const char *path, const char *property)
{
    op->subject.file = path;
    op->subject.argument = property;
    if (!path || !path[0] || (path[0] != '/' && !(path[0] && path[1] == ':' && path[2] == '\\'))) {
        guest_op_invalid(op, property);
        return false;
    }
    if (strlen(path) >= GUEST_PATH_MAX) {
        guest_op_refused(op, VIX_E_FILE_NAME_TOO_LONG);
        return false;
    }
    return true;
}

/* The credential of the API as that of the agent. 0, -EINVAL (a type that is not for this),
 * -EOPNOTSUPP, -ENOMEM. `ret_flags` gets request flags. */
static int credential_of(const struct vim_GuestAuthentication *auth, struct vix_credential *ret,
                         uint32_t *ret_flags)
{
    const struct vim_NamePasswordAuthentication *np = VIM_CAST(auth, NamePasswordAuthentication);
    const struct vim_SAMLTokenAuthentication *saml = VIM_CAST(auth, SAMLTokenAuthentication);
    const struct vim_TicketedSessionAuthentication *ticket =
        VIM_CAST(auth, TicketedSessionAuthentication);
    struct vix_credential c = {0};

    if (np) {
        if (!np->username || !np->password || strlen(np->username) > VIX_NAME_MAX ||
            strlen(np->password) > VIX_PASSWORD_MAX)
            return -EINVAL;
        c.type = auth->interactiveSession ? VIX_CRED_INTERACTIVE_USER : VIX_CRED_NAME_PASSWORD;
        c.name = mem_strdup(np->username);
        c.password = mem_strdup(np->password);
        if (!c.name || !c.password)
            goto no_memory;
    } else if (saml) {
        if (!saml->token || !saml->token[0] || strlen(saml->token) > VIX_TOKEN_MAX)
            return -EINVAL;
        c.type = VIX_CRED_SAML_TOKEN;
        c.name = mem_strdup(saml->username ? saml->username : "");
        c.token = mem_strdup(saml->token);
        if (!c.name || !c.token)
            goto no_memory;
    } else if (ticket) {
        if (!ticket->ticket || !ticket->ticket[0] || strlen(ticket->ticket) > VIX_TOKEN_MAX)
            return -EINVAL;
        c.type = VIX_CRED_TICKETED_SESSION;
        c.token = mem_strdup(ticket->ticket);
        if (!c.token)
            goto no_memory;
    } else {
        return VIM_IS_A(auth, SSPIAuthentication) ? -EOPNOTSUPP : -EINVAL;
    }
    *ret = c;
    *ret_flags = auth->interactiveSession ? VIX_REQUEST_INTERACTIVE : 0;
    return 0;
no_memory:
    vix_credential_clear(&c);
    return -ENOMEM;
}

int guest_message(struct buf *b, uint32_t opcode, const union vix_body *body,
                  const struct vix_credential *credential, uint32_t flags)
{
    AUTO_BUF struct buf encoded = BUF_INIT(VIX_REQUEST_MAX);
    struct buf secret = BUF_INIT(VIX_REQUEST_MAX);
    const struct vix_op *known = vix_op_find(opcode);
    struct vix_request rq = {
        .common_flags = VIX_COMMON_FORWARD_TO_GUEST |
                        (known && known->result == VIX_RESULT_BINARY ? VIX_COMMON_BINARY : 0),
        .opcode = opcode,
        .flags = flags,
        .timeout = VIX_TIMEOUT_NONE,
        .credential_type = credential->type,
    };
    int r = vix_body_encode(&encoded, opcode, body);

    if (!r)
        r = vix_credential_encode(&secret, credential);
    if (!r) {
        rq.body = encoded.data;
        rq.body_len = encoded.len;
        rq.credential = secret.data;
        rq.credential_len = secret.len;
        r = vix_request_encode(b, &rq);
    }
    if (secret.data)
        explicit_bzero(secret.data, secret.len);
    buf_free(&secret);
    if (r && b->data) {
        explicit_bzero(b->data, b->len);
        buf_clear(b);
    }
    return r;
}

static void on_reply(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct guest_op *op = arg;
    json_int_t error, additional;

    (void)link;
    op->request = 0;
    call_on_cancel(op->call, NULL, NULL);
    if (reply->code) {
        guest_fault_reply(op->call, reply, &op->subject);
        op_free(op);
        return;
    }
    error = json_integer_value(json_object_get(reply->result, "vix"));
    additional = json_integer_value(json_object_get(reply->result, "guestOsError"));
    if (error) {
        guest_fault_vix(op->call, (uint64_t)error, (uint32_t)additional, &op->subject);
        op_free(op);
        return;
    }
    if (op->method->done)
        op->method->done(op, reply->blob, reply->blob_len);
    else
        guest_op_return(op, NULL);
}

static void on_cancel(struct call *call, void *arg)
{
    struct guest_op *op = arg;

    (void)call;
    if (op->request) {
        guest_target_cancel(op->call->host, head_of(op->call)->vm, op->request);
    } else {
        guest_op_cancelled(op);
    }
}

void guest_op_send(struct guest_op *op)
{
    struct buf message = BUF_INIT(VIX_REQUEST_MAX);
    struct vmlink *link = guest_target_link(op->call->host, head_of(op->call)->vm);
    unsigned deadline = guest_op_deadline_ms(op->call->host);
    json_t *args =
        json_pack("{s:i, s:s, s:s}", "deadlineMs", (int)deadline, "source", op->call->source,
                  "user", op->call->session ? op->call->session->user : "");
    int r =
        guest_message(&message, op->method->opcode, &op->body, &op->credential, op->request_flags);

    if (!r && !args)
        r = -ENOMEM;
    if (!r && !link)
        r = -ENOTCONN;
    if (!r) {
        call_on_cancel(op->call, on_cancel, op);
        /* A second over the deadline: vmx's own answer says more than a deadline of ours. */
        r = vmlink_request(link, "vix", args, message.data, message.len, NULL, 0, deadline + 1000,
                           on_reply, op, &op->request);
    }
    json_decref(args);
    if (message.data)
        explicit_bzero(message.data, message.len);
    buf_free(&message);
    if (!r)
        return;
    call_on_cancel(op->call, NULL, NULL);
    guest_op_not_sent(op, r);
}

void guest_op_cancelled(struct guest_op *op)
{
    call_fault_request_canceled(op->call);
    op_free(op);
}

void guest_op_failed(struct guest_op *op, const struct vmlink_reply *failure)
{
    guest_fault_reply(op->call, failure, &op->subject);
    op_free(op);
}

void guest_op_not_sent(struct guest_op *op, int r)
{
    if (r == -EMSGSIZE || r == -ENOBUFS || r == -EINVAL) {
        guest_fault_vix(op->call, VIX_E_INVALID_ARG, 0, &op->subject);
    } else if (r == -EOPNOTSUPP) {
        guest_fault_vix(op->call, VIX_E_NOT_SUPPORTED, 0, &op->subject);
    } else {
        const struct vmlink_reply reply = {.code = r,
                                           .hop = "hostd",
                                           .text = r == -ENOTCONN ? "the VM's vmx is not there"
                                                                  : "the VM is too busy"};

        guest_fault_reply(op->call, &reply, &op->subject);
    }
    op_free(op);
}

/* The VM is on and its agent takes requests, or will not. */
static void on_ready(int code, const char *why, void *arg)
{
    struct guest_op *op = arg;

    op->wait = NULL;
    call_on_cancel(op->call, NULL, NULL);
    if (!code && !(op->request_flags & VIX_REQUEST_INTERACTIVE)) {
        (op->method->send ? op->method->send : guest_op_send)(op);
        return;
    }
    if (code)
        guest_fault_not_ready(op->call, head_of(op->call)->vm, code, why);
    else /* agents of desktop users do not announce themselves to this host */
        guest_fault_vix(op->call, VIX_E_INTERACTIVE_SESSION_NOT_PRESENT, 0, &op->subject);
    op_free(op);
}

static const struct guest_method *find_row(const struct guest_method *rows,
                                           const struct vim_method *method)
{
    while (rows->method && rows->method != method)
        rows++;
    return rows;
}

void guest_op_start(struct call *call, const struct guest_method *rows)
{
    const struct guest_head *head = head_of(call);
    const struct vim_field *vm_field = vim_field_find(call->method->request, "vm");
    struct guest_op *op;
    int r;

    if (!call_check_object(call, head->vm, vim_mo_type_find("VirtualMachine"), "vm") ||
        !call_check_privilege(call, head->vm, vm_field->privilege))
        return;
    op = mem_calloc(1, sizeof(*op));
    if (!op) {
        call_fault_errno(call, -ENOMEM, "a guest operation");
        return;
    }
    op->call = call;
    op->method = find_row(rows, call->method);
    op->text = BUF_INIT(RESULT_TEXT_MAX);
    if (!head->auth) {
        guest_op_invalid(op, auth_name(call));
        return;
    }
    op->subject.vm = head->vm;
    if (!op->method->build(op))
        return;
    r = credential_of(head->auth, &op->credential, &op->request_flags);
    if (r == -ENOMEM) {
        guest_op_no_memory(op);
        return;
    }
    if (r) {
        if (r == -EOPNOTSUPP)
            guest_fault_vix(call, VIX_E_OP_NOT_SUPPORTED_ON_GUEST, 0, &op->subject);
        else
            call_fault_invalid_argument(call, auth_name(call));
        op_free(op);
        return;
    }
    op->subject.credential = op->credential.type;
    call_on_cancel(call, on_cancel, op);
    guest_target_wait(call->host, head->vm, GUEST_OP_GRACE_MS, on_ready, op, &op->wait);
}
