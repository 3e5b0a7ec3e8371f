/* From a request's path and query to an operation and its parameters. */
#ifndef HOSTD_REST_ROUTE_H
#define HOSTD_REST_ROUTE_H

#include "api/rest_operation.h"
#include "hostd/http.h"

/* Does the path fit the operation's? Variables are percent-decoded and lie in the
 * arena. 1, 0, -ENOMEM. */
int rest_path_match(const char *pattern, const char *path, struct arena *arena,
                    const char *ret_vars[REST_VARIABLES_MAX]);

/* The operation for verb, path and action. `old`: the path is one of /rest, where an action may
 * also be the last segment. 0, -ENOENT, -ENOMEM. */
int rest_operation_find(enum rest_verb verb, const char *path, const char *action, bool old,
                        struct arena *arena, const struct rest_operation **ret,
                        const char *ret_vars[REST_VARIABLES_MAX]);

/* Of a request. -ENOSYS: not with this verb. */
int rest_route_find(struct http_request *req, bool old, struct arena *arena,
                    const struct rest_operation **ret, const char *ret_vars[REST_VARIABLES_MAX]);

/* One parameter into a struct of `type`; names that it does not have are passed over. 0, -EINVAL,
 * -ENOMEM. */
int rest_query_put(const struct vim_type *type, bool old, const char *name, const char *value,
                   struct arena *arena, void *query);

/* All of them: a new struct. -EINVAL: *ret_bad is the parameter. */
int rest_query_read(struct http_request *req, bool old, const struct vim_type *type,
                    struct arena *arena, void **ret, const char **ret_bad);

#endif
