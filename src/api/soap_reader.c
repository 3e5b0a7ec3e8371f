#include "api/soap_reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/vim_types.h"
#include "base/mem.h"

/* Between namespace and local name; no XML document can contain it. */
#define SPACE_SEPARATOR '\x1f'
#define XSI             "http://www.w3.org/2001/XMLSchema-instance"
#define TEXT_SIZE_MIN   256

/* ---- errors ---- */

void soap_reader_stop(struct soap_reader *r, int code, const char *fmt, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list ap;

    if (r->code)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    r->code = error_set(&r->err, code, "%s", text);
    XML_StopParser(r->parser, XML_FALSE);
}

void soap_reader_refuse(struct soap_reader *r, const struct vim_type *type,
                        const struct vim_object *detail, const char *fmt, ...)
{
    va_list ap;

    if (r->code)
        return;
    va_start(ap, fmt);
    r->fault.text = arena_vprintf(r->arena, fmt, ap);
    va_end(ap);
    r->fault.client = true;
    r->fault.detail = detail ? detail : vim_new(r->arena, type);
    if (!r->fault.text || !r->fault.detail)
        soap_reader_stop(r, -ENOMEM, "no memory for a SOAP fault");
    else
        soap_reader_stop(r, -EBADMSG, "%s", r->fault.text);
}

void soap_reader_out_of_memory(struct soap_reader *r)
{
    soap_reader_stop(r, -ENOMEM, "the SOAP message needs more memory than a request may have");
}

static void read_attributes(struct soap_reader *r, const XML_Char **list,
                            struct soap_attributes *ret)
{
    static const char xsi_type[] = XSI "\x1f"
                                       "type";
    static const char xsi_nil[] = XSI "\x1f"
                                      "nil";
    size_t count = 0;

    for (; list[0]; list += 2) {
        if (++count > r->limits.attributes) {
            soap_reader_refuse(r, &vim_type_InvalidRequest, NULL,
                               "an element has more than %zu attributes", r->limits.attributes);
            return;
        }
        if (strcmp(list[0], xsi_type) == 0) {
            const char *colon = strrchr(list[1], ':');

            ret->type = colon ? colon + 1 : list[1];
        } else if (strcmp(list[0], "type") == 0) {
            ret->ref = list[1];
        } else if (strcmp(list[0], xsi_nil) == 0) {
            ret->nil = strcmp(list[1], "true") == 0 || strcmp(list[1], "1") == 0;
        }
    }
}

static void XMLCALL on_start(void *data, const XML_Char *name, const XML_Char **list)
{
    struct soap_reader *r = data;
    struct soap_attributes attributes = {0};
    struct soap_frame *parent = r->depth ? &r->frames[r->depth - 1] : NULL;
    struct soap_frame *frame;
    const char *local = strchr(name, SPACE_SEPARATOR);

    if (r->code)
        return;
    if (r->depth == r->limits.depth) {
        soap_reader_refuse(r, &vim_type_InvalidRequest, NULL, "elements are nested deeper than %zu",
                           r->limits.depth);
        return;
    }
    if (++r->elements > r->limits.elements) {
        soap_reader_refuse(r, &vim_type_InvalidRequest, NULL, "there are more than %zu elements",
                           r->limits.elements);
        return;
    }
    read_attributes(r, list, &attributes);
    if (r->code)
        return;
    frame = &r->frames[r->depth++];
    *frame = (struct soap_frame){.kind = FRAME_IGNORE};
    r->text_len = 0;
    if (!parent || parent->kind == FRAME_OUTER)
        r->outer_start(r, parent, name, local ? local + 1 : name, &attributes, frame);
    else if (parent->kind == FRAME_STRUCT)
        soap_value_field(r, parent, local ? local + 1 : name, &attributes, frame);
    else if (parent->kind == FRAME_ITEMS)
        soap_value_item(r, parent, &attributes, frame);
    else if (parent->kind == FRAME_OPAQUE)
        ((struct vim_opaque *)parent->container)->has_content = true;
}

static void XMLCALL on_text(void *data, const XML_Char *s, int len)
{
    struct soap_reader *r = data;
    struct soap_frame *frame = r->depth ? &r->frames[r->depth - 1] : NULL;
    size_t n = (size_t)len;

    if (r->code || !frame || frame->kind != FRAME_TEXT)
        return;
    if (n > r->limits.text || r->text_len > r->limits.text - n) {
        soap_reader_refuse(r, &vim_type_InvalidRequest, NULL,
                           "the text of an element is longer than %zu bytes", r->limits.text);
        return;
    }
    if (r->text_len + n > r->text_size) {
        size_t size = r->text_size ? r->text_size : TEXT_SIZE_MIN;
        char *text;

        while (size < r->text_len + n)
            size *= 2;
        text = mem_alloc(size);
        if (!text) {
            soap_reader_out_of_memory(r);
            return;
        }
        if (r->text_len)
            memcpy(text, r->text, r->text_len);
        /* Passwords pass through here. */
        if (r->text)
            mem_free_secret(r->text, r->text_size);
        r->text = text;
        r->text_size = size;
    }
    memcpy(r->text + r->text_len, s, n);
    r->text_len += n;
}

static void XMLCALL on_end(void *data, const XML_Char *name)
{
    struct soap_reader *r = data;
    struct soap_frame *frame;

    (void)name;
    if (r->code || r->depth == 0)
        return;
    frame = &r->frames[r->depth - 1];
    if (frame->kind == FRAME_TEXT)
        soap_value_end_text(r, frame);
    else if (frame->kind == FRAME_STRUCT)
        soap_value_end_struct(r, frame);
    r->depth--;
    r->text_len = 0;
}

static void XMLCALL on_doctype(void *data, const XML_Char *name, const XML_Char *sysid,
                               const XML_Char *pubid, int has_internal_subset)
{
    (void)name;
    (void)sysid;
    (void)pubid;
    (void)has_internal_subset;
    soap_reader_stop(data, -EPROTO, "the SOAP message has a document type declaration");
}

/* ---- life ---- */

/* expat reports some failed allocations as errors in the document (an "unbound prefix"), so they
 * are noticed here. A parser runs in one thread at a time. */
static _Thread_local bool allocation_failed;

static void *noticed(void *p)
{
    if (!p)
        allocation_failed = true;
    return p;
}

static void *reader_malloc(size_t size)
{
    return noticed(mem_alloc(size));
}

static void *reader_realloc(void *p, size_t size)
{
    return noticed(mem_realloc(p, size));
}

int soap_reader_open(struct soap_reader *r, const struct soap_limits *limits, vim_version version,
                     struct arena *arena)
{
    static const XML_Memory_Handling_Suite memory = {reader_malloc, reader_realloc, mem_free};
    static const char separator[] = {SPACE_SEPARATOR, '\0'};

    *r = (struct soap_reader){.limits = *limits, .version = version, .arena = arena};
    r->frames = mem_calloc(limits->depth, sizeof(*r->frames));
    if (!r->frames)
        return -ENOMEM;
    r->parser = XML_ParserCreate_MM(NULL, &memory, separator);
    if (!r->parser) {
        mem_free(r->frames);
        r->frames = NULL;
        return -ENOMEM;
    }
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    XML_SetParamEntityParsing(r->parser, XML_PARAM_ENTITY_PARSING_NEVER);
    return 0;
}

void soap_reader_close(struct soap_reader *r)
{
    if (r->parser)
        XML_ParserFree(r->parser);
    if (r->text)
        mem_free_secret(r->text, r->text_size);
    mem_free(r->frames);
    *r = (struct soap_reader){0};
}

void soap_reader_feed(struct soap_reader *r, const void *bytes, size_t size, bool last)
{
    const char *p = bytes ? bytes : "";

    if (r->code)
        return;
    if (size > r->limits.bytes || r->bytes > r->limits.bytes - size) {
        soap_reader_refuse(r, &vim_type_InvalidRequest, NULL,
                           "the message is larger than %zu bytes", r->limits.bytes);
        return;
    }
    r->bytes += size;
    allocation_failed = false;
    do {
        size_t n = size < (1u << 30) ? size : 1u << 30;

        if (XML_Parse(r->parser, p, (int)n, last && n == size) == XML_STATUS_ERROR) {
            enum XML_Error code = XML_GetErrorCode(r->parser);

            if (code == XML_ERROR_NO_MEMORY || allocation_failed)
                soap_reader_out_of_memory(r);
            else
                soap_reader_refuse(r, &vim_type_InvalidRequest, NULL,
                                   "the message is not well-formed XML: line %lu: %s",
                                   (unsigned long)XML_GetCurrentLineNumber(r->parser),
                                   XML_ErrorString(code));
            return;
        }
        p += n;
        size -= n;
    } while (size);
}
