/* GuestAuthManager: its methods as VIX operations. */
#include <string.h>

#include "base/mem.h"
#include "hostd/guest.h"
#include "hostd/guest_op.h"
#include "wire/vix_ops.h"
#include "wire/vix_proplist.h"

static bool validate_build(struct guest_op *op)
{
    op->subject.argument = "auth";
    return true;
}

static bool release_build(struct guest_op *op)
{
    const struct vim_ReleaseCredentialsInGuest_request *rq = op->call->req;

    op->subject.argument = "auth";
    if (VIM_IS_A(rq->auth, TicketedSessionAuthentication))
        return true;
    guest_op_invalid(op, "auth");
    return false;
}

static bool acquire_build(struct guest_op *op)
{
    const struct vim_AcquireCredentialsInGuest_request *rq = op->call->req;

    op->subject.argument = "requestedAuth";
    op->body.acquire.session_id = 0;
    /* An exchange in several steps is SSPI's; a ticket that made tickets would never end. */
    if (VIM_IS_A(rq->requestedAuth, TicketedSessionAuthentication)) {
        guest_op_invalid(op, "requestedAuth");
        return false;
    }
    if (rq->has_sessionID) {
        guest_op_invalid(op, "sessionID");
        return false;
    }
    return true;
}

static void acquire_done(struct guest_op *op, const char *result, size_t len)
{
    struct vim_TicketedSessionAuthentication *auth =
        VIM_NEW(op->call->arena, TicketedSessionAuthentication);
    struct buf list = BUF_INIT(VIX_PROPLIST_MAX);
    struct vix_property ticket;
    int r = vix_proplist_from_text(&list, result, len);

    if (!r)
        r = vix_proplist_get(list.data, list.len, VIX_PROP_SESSION_TICKET, &ticket);
    if (!r && ticket.type == VIX_PROP_STRING && auth)
        auth->ticket = arena_strdup(op->call->arena, ticket.text);
    if (r || ticket.type != VIX_PROP_STRING || !ticket.text[0]) {
        guest_op_malformed(op);
    } else if (!auth || !auth->ticket) {
        guest_op_no_memory(op);
    } else {
        const struct vim_AcquireCredentialsInGuest_result value = {
            .value = (struct vim_GuestAuthentication *)auth};

        guest_op_return(op, &value);
    }
    mem_free_secret(list.data, list.size);
}

static const struct guest_method methods[] = {
    {&vim_method_ValidateCredentialsInGuest, VIX_OP_VALIDATE_CREDENTIALS, validate_build, NULL},
    {&vim_method_AcquireCredentialsInGuest, VIX_OP_ACQUIRE_CREDENTIALS, acquire_build,
     acquire_done},
    {&vim_method_ReleaseCredentialsInGuest, VIX_OP_RELEASE_CREDENTIALS, release_build, NULL},
    {NULL, 0, NULL, NULL},
};

void guest_auth_call(struct call *call)
{
    guest_op_start(call, methods);
}
