#include "guest/vix_state.h"

#include <stdbool.h>

#include "base/mem.h"
#include "guest/vix_gate.h"
#include "wire/vix_ops.h"
#include "wire/vix_proplist.h"

#define FAMILY_LINUX 1

static void put_text(struct buf *b, int32_t id, const char *text)
{
    if (text)
        vix_proplist_put_string(b, id, text);
}

/* One flag per call that the agent knows. Hosts look at the presence; the value is, as with
 * VMware's agent, whether the call is switched off. */
static void put_calls(struct buf *b, const struct vix_service_config *c)
{
    size_t count;
    const struct vix_op *ops = vix_op_table(&count);

    for (size_t i = 0; i < count; i++) {
        if (ops[i].api_property && vix_gate_find(ops[i].opcode))
            vix_proplist_put_bool(b, (int32_t)ops[i].api_property,
                                  vix_gate_disabled(ops[i].opcode, c->disabled, c->arg));
    }
}

int vix_state_put(struct buf *out, const struct vix_service_config *c)
{
    AUTO_BUF struct buf b = BUF_INIT(VIX_PROPLIST_MAX);
    struct vix_service_state s = {0};

    if (c->tools_state)
        c->tools_state(c->arg, &s);
    put_text(&b, VIX_PROP_OS_NAME, s.os_full_name);
    put_text(&b, VIX_PROP_OS_NAME_SHORT, s.os_short_name);
    put_text(&b, VIX_PROP_PRODUCT_NAME, s.product_name);
    put_text(&b, VIX_PROP_TOOLS_VERSION, s.version);
    put_text(&b, VIX_PROP_HOST_NAME, s.host_name);
    vix_proplist_put_int(&b, VIX_PROP_API_OPTIONS, 1);
    vix_proplist_put_int(&b, VIX_PROP_OS_FAMILY, FAMILY_LINUX);
    vix_proplist_put_string(&b, VIX_PROP_PACKAGE_LIST, "");
    put_text(&b, VIX_PROP_POWER_OFF_SCRIPT, s.power_off_script);
    put_text(&b, VIX_PROP_RESUME_SCRIPT, s.resume_script);
    put_text(&b, VIX_PROP_POWER_ON_SCRIPT, s.power_on_script);
    put_text(&b, VIX_PROP_SUSPEND_SCRIPT, s.suspend_script);
    vix_proplist_put_string(&b, VIX_PROP_TEMP_DIRECTORY, "/tmp");
    vix_proplist_put_int(&b, VIX_PROP_WORD_SIZE, (int32_t)(8 * sizeof(void *)));
    vix_proplist_put_string(&b, VIX_PROP_SHARED_FOLDERS_PATH, "/mnt/hgfs");
    put_calls(&b, c);
    if (buf_error(&b) < 0)
        return buf_error(&b);
    return vix_proplist_to_text(out, b.data, b.len);
}
