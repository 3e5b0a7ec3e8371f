#include "vmx/audit.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/vix_body.h"
#include "wire/vix_describe.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"
#include "wire/vix_stream.h"

#define WHO_MAX 200 /* bytes of a user or an address */

void audit_begin(struct audit *a, const char *user, const char *source,
                 const struct vix_request *message)
{
    char what[VIX_DESCRIBE_SIZE], who[VIX_DESCRIBE_SIZE];

    if (!user)
        user = "host";
    if (!source)
        source = "here";
    a->begun_ms = clock_ms();
    a->origin = mem_printf("%.*s@%.*s", WHO_MAX, user, WHO_MAX, source);
    if (!vix_continues(message))
        a->what =
            mem_printf("guest operation %s by %.*s from %.*s as %s", vix_describe(message, what),
                       WHO_MAX, user, WHO_MAX, source, vix_describe_user(message, who));
}

void audit_begin_transfer(struct audit *a, const char *user, const char *source,
                          const struct audit_transfer *transfer)
{
    AUTO_BUF struct buf body = BUF_INIT(VIX_STREAM_BODY_MAX), message = BUF_INIT(VIX_REQUEST_MAX);
    const struct vix_stream_file file = {.path = transfer->path};
    union vix_body open = {.stream_open.kind =
                               transfer->to_guest ? VIX_STREAM_FILE_WRITE : VIX_STREAM_FILE_READ};
    struct vix_request rq = {.opcode = VIX_OP_STREAM_OPEN,
                             .credential_type = transfer->credential_type,
                             .credential = transfer->credential,
                             .credential_len = transfer->credential_len};

    if (!vix_stream_file_encode(&body, &file)) {
        open.stream_open.body = body.data;
        open.stream_open.len = body.len;
        if (!vix_body_encode(&message, VIX_OP_STREAM_OPEN, &open)) {
            rq.body = message.data;
            rq.body_len = message.len;
        }
    }
    audit_begin(a, user, source, &rq);
}

static void end(struct audit *a, struct vmlog *log)
{
    mem_free(TAKE_PTR(a->what));
    mem_free(TAKE_PTR(a->origin));
    vmlog_check_size(log);
}

void audit_ok(struct audit *a, struct vmlog *log, uint64_t bytes, bool more)
{
    if (a->what)
        log_info("%s: ok, %" PRIu64 "%s bytes, %" PRIu64 " ms", a->what, bytes, more ? "+" : "",
                 clock_ms() - a->begun_ms);
    end(a, log);
}

void audit_failed(struct audit *a, struct vmlog *log, const char *hop, uint64_t vix,
                  const char *text)
{
    uint64_t ms = clock_ms() - a->begun_ms;

    if (a->what && vix && !strcmp(hop, "worker"))
        log_info("%s: %s (VIX error %u), 0 bytes, %" PRIu64 " ms", a->what, text,
                 VIX_ERROR_CODE(vix), ms);
    else if (a->what)
        log_info("%s: failed, %s: %s, 0 bytes, %" PRIu64 " ms", a->what, hop, text, ms);
    end(a, log);
}
