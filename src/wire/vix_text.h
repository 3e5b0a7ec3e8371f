/*
 * Result text of VIX opcodes: lists in tags that look like XML and are not, and their escapes.
 *
 * Writers append one element each. Readers step through the elements of a whole result; the strings
 * they give are unescaped copies in the arena, whose cap bounds them. They accept what both known
 * agents send (open-vm-tools and the Go toolbox), elements in any order, missing ones too.
 */
#ifndef WIRE_VIX_TEXT_H
#define WIRE_VIX_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

/* " % & ' < > become %22 %25 %26 %27 %3C %3E. */
int vix_text_escape(struct buf *b, const char *text);
/* %XX with hex digits becomes the byte (never a NUL), anything else stays. */
int vix_text_unescape(struct buf *b, const void *text, size_t len);

/* A result being read. */
struct vix_text {
    const char *p;
    size_t left;
    bool escaped; /* strings are escaped */
};
/* `always`: the opcode always escapes; otherwise a leading <escaped/> decides. */
void vix_text_begin(struct vix_text *t, const void *text, size_t len, bool always);
#define VIX_TEXT_ESCAPED "<escaped/>"

/* Processes: LIST_PROCESSES_EX, and with `old` LIST_PROCESSES (without eCode and eTime). */
struct vix_process_info {
    const char *cmd;  /* short name; NULL when the agent does not know it */
    const char *name; /* whole command line */
    int64_t pid;
    const char *user;
    int64_t start;     /* Unix seconds */
    int32_t exit_code; /* 0 while running */
    int64_t end;       /* Unix seconds; 0 while running */
};
int vix_text_put_process(struct buf *b, const struct vix_process_info *p, bool old, bool escape);
/* Readers: 1 and an element, 0 at the end, -EBADMSG (a broken element), -ENOMEM (or over the
 * arena's cap). Text between elements is skipped. */
int vix_text_next_process(struct vix_text *t, struct arena *a, struct vix_process_info *ret);

/* A process list in parts. `first`: key and totalSize are given. */
struct vix_chunk_head {
    bool chunked; /* false: the text is the whole list */
    bool first;
    uint32_t key;
    uint64_t total; /* bytes and one */
    uint64_t left;  /* 0 = this is the last part */
};
int vix_text_put_chunk_head(struct buf *b, const struct vix_chunk_head *h);
/* Takes the head off the text. -EBADMSG. */
int vix_text_chunk_head(struct vix_text *t, struct vix_chunk_head *ret);

/* Files: LIST_FILES, INITIATE_FILE_TRANSFER_FROM_GUEST. */
enum vix_file_flag {
    VIX_FILE_DIRECTORY = 1,
    VIX_FILE_SYMLINK = 2,
    VIX_FILE_HIDDEN = 4,
    VIX_FILE_READ_ONLY = 8,
};
struct vix_file_info {
    const char *name;
    uint32_t flags; /* enum vix_file_flag */
    int64_t size;
    int64_t modified, accessed; /* Unix seconds */
    int64_t created;            /* Windows agents; -1 when absent */
    int64_t uid, gid;           /* -1 when absent (Windows agents) */
    int64_t mode;               /* st_mode, or permission bits; -1 when absent */
    const char *target;         /* link target, "" */
};
int vix_text_put_file(struct buf *b, const struct vix_file_info *f);
int vix_text_next_file(struct vix_text *t, struct arena *a, struct vix_file_info *ret);

/* The head of a LIST_FILES result: `T <rem>R</rem>`. The size of it is fixed when written, so that
 * an agent can fill the list first: */
#define VIX_LIST_HEAD_MAX 40u
struct vix_list_head {
    bool truncated; /* the answer was cut because it did not fit: ask again with a higher offset */
    uint64_t remaining; /* entries after the last one returned */
};
int vix_text_put_list_head(struct buf *b, const struct vix_list_head *h);
/* Accepts a text without `T ` (the Go toolbox): not truncated. -EBADMSG without <rem>. */
int vix_text_list_head(struct vix_text *t, struct vix_list_head *ret);

/* <FileInfo>: LIST_DIRECTORY, GET_FILE_INFO. Only name, flags, size, modified. */
int vix_text_put_file_old(struct buf *b, const struct vix_file_info *f, bool escape);
int vix_text_next_file_old(struct vix_text *t, struct arena *a, struct vix_file_info *ret);

/* Environment: READ_ENV_VARIABLES. "NAME=VALUE". */
int vix_text_put_env(struct buf *b, const char *assignment);
int vix_text_next_env(struct vix_text *t, struct arena *a, const char **ret);

/* File systems: LIST_FILESYSTEMS. */
struct vix_filesystem {
    const char *name;
    uint64_t size, free; /* bytes */
    const char *type;
};
int vix_text_put_filesystem(struct buf *b, const struct vix_filesystem *f, bool escape);
int vix_text_next_filesystem(struct vix_text *t, struct arena *a, struct vix_filesystem *ret);

/* Decimal results (pid, 0/1). -EBADMSG unless all of it is one number. */
int vix_text_number(const void *text, size_t len, int64_t *ret);

#endif
