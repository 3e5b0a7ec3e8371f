/* Reading properties at once: RetrieveProperties, RetrievePropertiesEx and its continuation, Fetch.
 */
#ifndef HOSTD_PROPERTY_RETRIEVE_H
#define HOSTD_PROPERTY_RETRIEVE_H

#include "hostd/call.h"

#define RETRIEVE_OBJECTS_MAX 1000 /* in one answer of the Ex method */
#define RETRIEVE_TOKENS_MAX  16   /* unfinished retrievals a session; the oldest makes room */

struct property_session;
struct retrieve_token;

void retrieve_properties(struct call *call);
void retrieve_properties_ex(struct call *call);
void retrieve_continue(struct call *call);
void retrieve_cancel(struct call *call);
void retrieve_fetch(struct call *call);

/* Drops the session's tokens: all, or those of one collector. */
void retrieve_tokens_drop(struct property_session *ps, const char *collector);

#endif
