/*
 * What is known about the guest, in the checked form that hostd is told (docs/control-protocol.md,
 * the `guest` event): one JSON object, filled member by member from the guest's messages.
 *
 * Whatever the guest sends is bounded here: strings GUEST_STATE_TEXT_MAX bytes (the detailed data
 * has its own limit), NICs 16, addresses 64 a NIC, routes 100, disks 256; bytes that are not
 * printable UTF-8 are replaced. One thread.
 */
#ifndef VMX_GUEST_STATE_H
#define VMX_GUEST_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_STATE_TEXT_MAX 1024u
#define GUEST_STATE_IPS_MAX  64u
#define GUEST_STATE_LIST_MAX 16u

struct guest_state {
    json_t *json;
    bool changed;    /* since the owner last cleared it */
    uint64_t uptime; /* 1/100 s, as last reported */
    bool soft_reset; /* the uptime went backwards: the guest rebooted; the owner clears it */
};

int guest_state_init(struct guest_state *g);
void guest_state_free(struct guest_state *g);

/* Members by name. A value equal to the old one is no change. NULL or -1 removes. */
void guest_state_set_string(struct guest_state *g, const char *member, const char *text);
void guest_state_set_bool(struct guest_state *g, const char *member, bool v);
void guest_state_set_int(struct guest_state *g, const char *member, int64_t v);
void guest_state_remove(struct guest_state *g, const char *member);
const char *guest_state_get(const struct guest_state *g, const char *member);
bool guest_state_get_bool(const struct guest_state *g, const char *member);

/* "shutdown", "reboot", "standby" are there or not. */
void guest_state_set_statechange(struct guest_state *g, bool on);

/* What the guest sent: SetGuestInfo by id, SetGuestDiskInfo. -EBADMSG and the decoders' errors: not
 * understood, nothing was changed; -EOPNOTSUPP: unknown id. */
int guest_state_info(struct guest_state *g, unsigned id, const uint8_t *data, size_t len);
int guest_state_disks(struct guest_state *g, const uint8_t *text, size_t len);

/* The address that the agent calls its own (`info-set guestinfo.ip`). */
void guest_state_primary_ip(struct guest_state *g, const char *text, size_t len);

/* The machine is off: what described the running guest goes; what names it stays. */
void guest_state_powered_off(struct guest_state *g);

#endif
