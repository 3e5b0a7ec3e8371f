/* GET_TOOLS_STATE: what this agent is and can do, as a property list in base64. */
#ifndef GUEST_VIX_STATE_H
#define GUEST_VIX_STATE_H

#include "base/buf.h"
#include "guest/vix_service.h"

int vix_state_put(struct buf *out, const struct vix_service_config *config);

#endif
