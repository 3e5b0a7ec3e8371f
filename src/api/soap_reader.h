/*
 * From XML events to values: a stack of frames, one per open element, over expat. Private to the
 * SOAP decoders, which own the envelope (FRAME_OUTER) and start a value with soap_reader_struct()
 * or soap_reader_text().
 *
 * Errors stop the parser; the first one is kept in `code`, `fault` and `err`.
 */
#ifndef API_SOAP_READER_H
#define API_SOAP_READER_H

#include <expat.h>

#include "api/soap.h"

/* Fields that one struct may have; the generated tables are far below. */
#define SOAP_FIELDS_MAX 256

enum frame_kind {
    FRAME_OUTER = 1, /* envelope, header, body: the decoder's callbacks know */
    FRAME_STRUCT,    /* children are the fields of `type` in `container` */
    FRAME_ITEMS,     /* children are the items of the boxed array `any` */
    FRAME_TEXT,      /* text is a scalar of `type` */
    FRAME_OPAQUE,    /* content is only noticed, in `container` */
    FRAME_IGNORE,
};

struct soap_reader;

struct soap_frame {
    enum frame_kind kind;
    int outer;                     /* FRAME_OUTER: what it is, the decoder's own number */
    const struct vim_type *type;   /* of the value that this element holds */
    const struct vim_field *field; /* that this element fills in the parent, NULL = none */
    void *container;
    struct vim_any *any;  /* FRAME_ITEMS: the array; FRAME_TEXT: the box, when there is one */
    const char *ref_type; /* attribute of a reference */
    const char **text;    /* FRAME_TEXT outside any value: where the string goes */
    bool required_this;   /* the struct is a request and starts with this_ */
    uint32_t next;        /* field that is likely to come next */
    uint64_t seen[SOAP_FIELDS_MAX / 64];
};

struct soap_attributes {
    const char *type; /* xsi:type without its prefix */
    const char *ref;  /* "type" without namespace */
    bool nil;
};

struct soap_reader {
    XML_Parser parser;
    struct soap_limits limits;
    struct arena *arena;
    vim_version version;
    bool lenient; /* unknown types and values are tolerated */

    struct soap_frame *frames; /* limits.depth of them */
    size_t depth;              /* open elements */
    size_t elements;
    size_t bytes;

    char *text;
    size_t text_len;
    size_t text_size;

    int code; /* 0 or why parsing stopped */
    struct soap_fault fault;
    struct error err;

    /* An element opened inside a FRAME_OUTER: fills `frame`, which comes as FRAME_IGNORE. */
    void (*outer_start)(struct soap_reader *r, const struct soap_frame *parent, const char *space,
                        const char *local, const struct soap_attributes *attributes,
                        struct soap_frame *frame);
    void *owner;
};

int soap_reader_open(struct soap_reader *r, const struct soap_limits *limits, vim_version version,
                     struct arena *arena);
void soap_reader_close(struct soap_reader *r);
void soap_reader_feed(struct soap_reader *r, const void *bytes, size_t size, bool last);

/* Makes `frame` read a struct. */
void soap_reader_struct(struct soap_frame *frame, const struct vim_type *type, void *container);
/* Makes `frame` read a string into *to. */
void soap_reader_text(struct soap_frame *frame, const char **to);
/* Makes `frame` read a reference into *to. */
int soap_reader_ref(struct soap_reader *r, struct soap_frame *frame, struct vim_ref *to,
                    const struct soap_attributes *attributes);

/* Stops parsing with -EBADMSG and a fault of `type`; `detail` is that fault object, or NULL for
 * a new, empty one. */
void soap_reader_refuse(struct soap_reader *r, const struct vim_type *type,
                        const struct vim_object *detail, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Stops parsing with another code. */
void soap_reader_stop(struct soap_reader *r, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void soap_reader_out_of_memory(struct soap_reader *r);

/* soap_value.c: an element's value and where it goes. A child element of a FRAME_STRUCT: */
void soap_value_field(struct soap_reader *r, struct soap_frame *parent, const char *local,
                      const struct soap_attributes *attributes, struct soap_frame *frame);
/* A child element of a FRAME_ITEMS. */
void soap_value_item(struct soap_reader *r, struct soap_frame *parent,
                     const struct soap_attributes *attributes, struct soap_frame *frame);
/* The end of a FRAME_TEXT: the collected text becomes a value. */
void soap_value_end_text(struct soap_reader *r, struct soap_frame *frame);
/* The end of a FRAME_STRUCT: required fields are there, or get what stands for them. */
void soap_value_end_struct(struct soap_reader *r, struct soap_frame *frame);

#endif
