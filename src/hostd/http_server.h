/* Starts and stops the HTTPS server. Loop thread. */
#ifndef HOSTD_HTTP_SERVER_H
#define HOSTD_HTTP_SERVER_H

#include "hostd/http.h"

/* `listen_fd` is taken. The PEM texts must stay valid; NULL: plain HTTP, for tests. */
int http_start(struct host *host, int listen_fd, const char *cert_pem, const char *key_pem,
               const struct host_module *const *modules, struct http **ret, struct error *err);

/* Answers what is still open, waits for the server's threads. The loop must run once more before it
 * is closed. Handlers must not touch their requests any more. NULL is fine. */
void http_stop(struct http *http);

#endif
