/*
 * Private to vix_body*.c: the string forms of VIX bodies and the layouts' functions.
 */
#ifndef WIRE_VIX_BODY_PRIVATE_H
#define WIRE_VIX_BODY_PRIVATE_H

#include "base/buf.h"
#include "base/cursor.h"
#include "wire/vix_body.h"

/* A string whose length field does not count its NUL. -EBADMSG, -EILSEQ (not UTF-8). */
int vix_get_str(struct cursor *c, uint32_t len, const char **ret);
/* A string whose length field counts its NUL; 0 = absent, nothing on the wire. */
int vix_get_optstr(struct cursor *c, uint32_t len, const char **ret);
/* `count` NUL-terminated strings that fill `len` bytes. */
int vix_get_optstrs(struct cursor *c, uint32_t count, uint32_t len, struct vix_strings *ret);
/* Values of the length fields, and the strings themselves. NULL is "". */
uint32_t vix_str_len(const char *s);
uint32_t vix_optstr_len(const char *s);
int vix_put_str(struct buf *b, const char *s);
int vix_put_optstr(struct buf *b, const char *s);
int vix_check_strings(const struct vix_strings *s); /* -EINVAL unless it is what it says */
void vix_get_bool(struct cursor *c, bool *ret);
void vix_get_i32(struct cursor *c, int32_t *ret);
void vix_get_i64(struct cursor *c, int64_t *ret);
/* All but the names of attributes: options, times, owner, group, mode. */
void vix_get_attributes(struct cursor *c, struct vix_set_attributes *s);
void vix_put_attributes(struct buf *b, const struct vix_set_attributes *s);

/* First error of several steps that must all be tried in order. */
#define TRY(expr)          \
    do {                   \
        int try_ = (expr); \
        if (try_)          \
            return try_;   \
    } while (0)

struct vix_layout {
    int (*decode)(uint32_t op, struct cursor *c, union vix_body *ret);
    int (*encode)(struct buf *b, uint32_t op, const union vix_body *body);
};

int vix_body_decode_path(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_path(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_directory(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_directory(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_transfer_to(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_transfer_to(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_move(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_move(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_temp(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_temp(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_temp_old(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_temp_old(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_set_attributes(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_set_attributes(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_list_files(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_list_files(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_list_directory(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_list_directory(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_hgfs(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_hgfs(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_start_program(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_start_program(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_run_program(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_run_program(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_run_script(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_run_script(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_process(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_process(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_list_processes(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_list_processes(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_read_env(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_read_env(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_variable(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_variable(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_list_filesystems(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_list_filesystems(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_alias(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_alias(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_stream_open(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_stream_open(struct buf *b, uint32_t op, const union vix_body *body);
int vix_body_decode_stream_end(uint32_t op, struct cursor *c, union vix_body *ret);
int vix_body_encode_stream_end(struct buf *b, uint32_t op, const union vix_body *body);

#endif
