/* VI JSON: the same methods and properties as SOAP, at /sdk/vim25/{release}/{type}/{id}/{name}. */
#ifndef HOSTD_JSON_ENDPOINT_H
#define HOSTD_JSON_ENDPOINT_H

#include "hostd/hostd.h"
#include "hostd/http.h"

extern const struct host_module json_module;

/* The session that a request of VI JSON or REST shows: header vmware-api-session-id, or the cookie
 * of that name. NULL: none. */
struct session *json_session(struct http_request *req);

/* False: there is a body, and it is said to be something else than JSON. */
bool json_content_type_ok(const struct http_request *req);

#define JSON_SESSION_HEADER "vmware-api-session-id"

#endif
