/* The API's WSDL, for clients that ask the server for it. The generated files are part of the
 * program; only the service's own address is filled in here. */
#include "hostd/wsdl.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "hostd/http.h"

#define WSDL_MAX (8u << 20)
#define ADDRESS  "https://localhost/sdk/vimService" /* in the generated file */

/* NOLINTBEGIN(bugprone-macro-parentheses): texts that are put together, not expressions */
#define EMBED(symbol, file)                                                        \
    __asm__(".pushsection .rodata\n"                                               \
            ".global " #symbol "\n.hidden " #symbol "\n" #symbol ":\n"             \
            ".incbin \"" file "\"\n"                                               \
            ".global " #symbol "_end\n.hidden " #symbol "_end\n" #symbol "_end:\n" \
            ".byte 0\n.popsection\n");                                             \
    extern const char symbol[], symbol##_end[]
/* NOLINTEND(bugprone-macro-parentheses) */

EMBED(wsdl_service, "vimService.wsdl");
EMBED(wsdl_vim, "vim.wsdl");
EMBED(wsdl_types, "vim-types.xsd");

static const struct {
    const char *path;
    const char *begin, *end;
} files[] = {
    {"/sdk/vimService.wsdl", wsdl_service, wsdl_service_end},
    {"/sdk/vim.wsdl", wsdl_vim, wsdl_vim_end},
    {"/sdk/vim-types.xsd", wsdl_types, wsdl_types_end},
};

/* Only what may stand in a host name or address goes into the document. */
static bool host_is_plain(const char *host)
{
    return host && *host && strlen(host) < 256 &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") ==
               strlen(host);
}

static void respond_service(struct http_request *req)
{
    AUTO_BUF struct buf b = BUF_INIT(WSDL_MAX);
    const char *host = http_header(req, "Host");
    size_t len = (size_t)(wsdl_service_end - wsdl_service);
    const char *at = memmem(wsdl_service, len, ADDRESS, strlen(ADDRESS));
    if (!at || !host_is_plain(host)) {
        http_respond(req, 200, "text/xml", wsdl_service, len);
        return;
    }
    const char *rest = at + strlen(ADDRESS);
    buf_put(&b, wsdl_service, (size_t)(at - wsdl_service));
    buf_printf(&b, "https://%s/sdk/vimService", host);
    buf_put(&b, rest, (size_t)(wsdl_service_end - rest));
    if (buf_error(&b))
        http_respond_text(req, 500, "Out of memory.\n");
    else
        http_respond(req, 200, "text/xml", b.data, b.len);
}

static void handle(struct http_request *req)
{
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        if (strcmp(http_path(req), files[i].path) != 0)
            continue;
        if (i == 0)
            respond_service(req);
        else
            http_respond(req, 200, "text/xml", files[i].begin,
                         (size_t)(files[i].end - files[i].begin));
        return;
    }
}

static const struct http_route routes[] = {
    {.path = "/sdk/vimService.wsdl", .methods = HTTP_GET | HTTP_HEAD, .handler = handle},
    {.path = "/sdk/vim.wsdl", .methods = HTTP_GET | HTTP_HEAD, .handler = handle},
    {.path = "/sdk/vim-types.xsd", .methods = HTTP_GET | HTTP_HEAD, .handler = handle},
    {.path = NULL},
};

const struct host_module wsdl_module = {.name = "wsdl", .routes = routes};
