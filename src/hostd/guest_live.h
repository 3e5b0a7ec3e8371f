/*
 * Live streams of a guest: programs whose standard streams a client holds, and TCP connections to
 * the guest's loopback (docs/guest-operations.md). A method opens the stream in the guest and
 * answers a URL; whoever uses that first, with an Upgrade, is joined with the guest: hostd only
 * moves bytes.
 *
 * Id and token are the whole authority of a URL, once, for GUEST_LIVE_OFFER_MS; a stream that
 * nobody came for is given up. Loop thread only.
 */
#ifndef HOSTD_GUEST_LIVE_H
#define HOSTD_GUEST_LIVE_H

#include "hostd/hostd.h"

#define GUEST_LIVE_PROTOCOL "inguest-stream"
#define GUEST_LIVE_OFFER_MS 30000u
#define GUEST_LIVE_MAX      1024u /* offered or running, all VMs; more: refused */

extern const struct host_module guest_live_module;

#endif
