/*
 * The HGFS server of one worker: files of the guest for the host, with the rights of the worker's
 * user. Sessions belong to this user because they live in this process; another user's session id
 * is unknown here.
 *
 * Packets are worked on in parallel on the thread pool. Packets for the same open file keep their
 * order where it matters: positioned reads and writes may overtake each other, everything else
 * (attributes by handle, close, sequential access) waits for what came before and holds up what
 * comes after.
 *
 * An upload that was never closed leaves nothing behind: a file that this server created is removed
 * when its session ends, or the worker does, before the host closed the handle.
 */
#ifndef GUEST_HGFS_SERVER_H
#define GUEST_HGFS_SERVER_H

#include "guest/vixops.h"

#define HGFS_SERVER_SESSIONS_MAX 64u
#define HGFS_SERVER_HANDLES_MAX  512u /* files and searches, over all sessions */
/* A session that nobody used for so long is closed (HGFS protocol, sessions). */
#define HGFS_SERVER_IDLE_MS 600000u

struct hgfs_server;

int hgfs_server_new(struct worker_ctx *ctx, struct hgfs_server **ret);
unsigned hgfs_server_sessions(const struct hgfs_server *s);
/* The worker ends: removes unfinished uploads. Nothing may be called any more. */
void hgfs_server_abandon(struct hgfs_server *s);

#endif
