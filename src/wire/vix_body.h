/*
 * Bodies of VIX requests: one struct per layout, one encoder and one decoder for all of them,
 * chosen by opcode.
 *
 * After decoding, strings point into the message, are NUL-terminated, valid UTF-8 and never NULL:
 * an absent string is "". Paths are as sent: not checked to be absolute or non-empty. When encoding
 * NULL is taken as "". Lengths and NULs on the wire are this module's business.
 */
#ifndef WIRE_VIX_BODY_H
#define WIRE_VIX_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/vix_attributes.h"
#include "wire/vix_stream.h"

enum vix_body_kind {
    VIX_BODY_EMPTY = 0,
    VIX_BODY_PATH,             /* 18 19 22 70 71 72 73 94 194 */
    VIX_BODY_DELETE_DIRECTORY, /* 195 */
    VIX_BODY_CREATE_DIRECTORY, /* 77 178 */
    VIX_BODY_MOVE,             /* 76 179 180 */
    VIX_BODY_TEMP,             /* 181 182 */
    VIX_BODY_TEMP_OLD,         /* 74 */
    VIX_BODY_SET_ATTRIBUTES,   /* 183 */
    VIX_BODY_LIST_FILES,       /* 177 188 */
    VIX_BODY_LIST_DIRECTORY,   /* 79 */
    VIX_BODY_TRANSFER_TO,      /* 189 */
    VIX_BODY_HGFS,             /* 84 */
    VIX_BODY_START_PROGRAM,    /* 185 */
    VIX_BODY_RUN_PROGRAM,      /* 4 */
    VIX_BODY_RUN_SCRIPT,       /* 46 */
    VIX_BODY_PROCESS,          /* 193 85 */
    VIX_BODY_LIST_PROCESSES,   /* 186 */
    VIX_BODY_READ_ENV,         /* 187 */
    VIX_BODY_VARIABLE,         /* 88 89 */
    VIX_BODY_LIST_FILESYSTEMS, /* 169 */
    VIX_BODY_OPTIONS,          /* 116 200: one u32 */
    VIX_BODY_WAIT_FOR_TOOLS,   /* 38 */
    VIX_BODY_ALIAS,            /* 197 198 199 207 */
    VIX_BODY_ACQUIRE,          /* 190 */
    VIX_BODY_STREAM_OPEN,      /* see vix_stream.h */
    VIX_BODY_STREAM_END,
    VIX_BODY_OPAQUE, /* registry and screen operations: not looked into */
};

/* A list of NUL-terminated strings that lie back to back. */
struct vix_strings {
    uint32_t count;
    const char *data;
    size_t len; /* with every NUL */
};
/* Steps through: *pos begins at 0; NULL at the end. */
const char *vix_strings_next(const struct vix_strings *s, size_t *pos);

struct vix_path {
    uint32_t options;
    const char *path;
    bool flag; /* DELETE_DIRECTORY: recursive; CREATE_DIRECTORY: create parents (77: always true);
                  TRANSFER_TO: overwrite */
};

struct vix_move {
    uint32_t options;
    const char *from, *to;
    bool overwrite; /* 76: always true */
};

struct vix_temp {
    uint32_t options;
    const char *prefix, *suffix, *directory; /* 74: "" */
};

struct vix_list_files {
    uint32_t options; /* 79: bit 0 says that offset is present */
    const char *path;
    const char *pattern; /* "" = all */
    int32_t index;
    int32_t max_results;
    uint64_t offset;
};

struct vix_hgfs {
    const uint8_t *packet;
    size_t len;
    uint32_t timeout; /* seconds; agents ignore it */
};

struct vix_start_program {
    bool minimized;
    const char *path, *arguments, *directory;
    struct vix_strings environment;
};

enum vix_run_option { VIX_RUN_RETURN_IMMEDIATELY = 1, VIX_RUN_ACTIVATE_WINDOW = 2 };

struct vix_run { /* RUN_PROGRAM, RUN_SCRIPT */
    uint32_t options;
    const char *program; /* or the interpreter */
    const char *arguments;
    const char *script; /* RUN_SCRIPT */
    const char *properties;
};

struct vix_process {
    uint64_t pid;
    uint32_t options;
};

struct vix_list_processes {
    uint32_t key;
    uint32_t offset;
    uint32_t count;
    const uint8_t *pids;      /* decoded: count u64 LE, read with vix_list_processes_pid */
    const uint64_t *pid_list; /* encoding: count numbers */
};
uint64_t vix_list_processes_pid(const struct vix_list_processes *l, uint32_t i);

struct vix_read_env {
    struct vix_strings names;
};

#define VIX_VARIABLE_GUEST_ENVIRONMENT 3
struct vix_variable {
    int32_t type;
    uint32_t options;
    const char *name;
    const char *value; /* 89 */
};

struct vix_options {
    uint32_t options;
    uint32_t extra; /* 38: minimum version */
};

struct vix_alias {
    uint32_t options;
    const char *user, *certificate, *subject, *comment;
    bool add_mapping;
    int32_t subject_type; /* 0 none, 1 named, 2 any */
};

struct vix_acquire {
    int64_t session_id; /* of an exchange in several steps; 0 = the first */
};

struct vix_opaque {
    const uint8_t *bytes;
    size_t len;
};

union vix_body {
    struct vix_path path;
    struct vix_move move;
    struct vix_temp temp;
    struct vix_set_attributes set_attributes;
    struct vix_list_files list_files;
    struct vix_hgfs hgfs;
    struct vix_start_program start_program;
    struct vix_run run;
    struct vix_process process;
    struct vix_list_processes list_processes;
    struct vix_read_env read_env;
    struct vix_variable variable;
    struct vix_options options;
    struct vix_alias alias;
    struct vix_acquire acquire;
    struct vix_stream_open stream_open;
    struct vix_stream_end stream_end;
    struct vix_opaque opaque;
};

/* 0 and *ret, or what vix_error_from_decode understands: -EPROTO (shorter than the fixed part:
 * 10000), -EBADMSG (10001), -EILSEQ (27), -EOPNOTSUPP (unknown opcode: 3025). */
int vix_body_decode(uint32_t opcode, const void *body, size_t len, union vix_body *ret);
/* Appends the body. -EOPNOTSUPP, -EINVAL (a string list that is not one), -ENOMEM, -ENOBUFS. */
int vix_body_encode(struct buf *b, uint32_t opcode, const union vix_body *body);

#endif
