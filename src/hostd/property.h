/*
 * The PropertyCollector: what a session keeps of it, and its methods.
 *
 * The collector of ServiceContent is one object for all; its filters, versions and tokens are kept
 * per session. CreatePropertyCollector makes further ones, each an object bound to its session.
 *
 *   property_path.*      paths and values          property_select.*    what a spec selects
 *   property_read.*      values of one object      property_retrieve.*  reading at once
 *   filter.*             what has changed          property_wait.*      waiting for it
 *   property.c           collectors and filters of a session
 */
#ifndef HOSTD_PROPERTY_H
#define HOSTD_PROPERTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hostd/call.h"
#include "hostd/mo.h"

#define COLLECTORS_MAX 32 /* created ones, a session */

struct retrieve_token;
struct collector;

/* What one session has. */
struct property_session {
    struct session *session;
    struct host *host;
    struct collector *collectors; /* the default one, once used, and the created ones */
    size_t collector_count;
    uint64_t next_id;
    struct retrieve_token *tokens; /* newest first */
    size_t token_count;
    uint64_t token_number;
};

/* Makes it on first use. */
int property_session_get(struct call *call, struct property_session **ret);
/* NULL when the session has none (or is NULL). */
struct property_session *property_session_find(const struct session *session);

extern const struct host_module property_module;

#endif
