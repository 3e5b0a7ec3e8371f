/* EnvironmentBrowser: what a new virtual machine may be. */
#include <errno.h>

#include "hostd/inventory_internal.h"
#include "hostd/vm.h"

static int get_browser(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value(vim_any_ref(r->arena, mo_ref(&inventory_of(r->host)->datastore_browser)), ret);
}

static const struct mo_property environment_properties[] = {{"datastoreBrowser", get_browser},
                                                            {NULL, NULL}};
const struct mo_class environment_browser_class = {.type = "EnvironmentBrowser",
                                                   .properties = environment_properties};
