/*
 * Inside libtoolbox: programs and files of the embedding program.
 *
 *   tb_embed.c    which requests are about them; requests that wait
 *   tb_program.c  programs, their processes and streams
 *   tb_file.c     file handlers, and the HGFS packets for both
 */
#ifndef GUEST_TB_EMBED_H
#define GUEST_TB_EMBED_H

#include "base/buf.h"
#include "guest/toolbox_impl.h"
#include "wire/vix_body.h"
#include "wire/vix_error.h"

#define EMBED_FILES_MAX 256u
/* Requests that wait hold one of the channel's places. */
#define EMBED_PARKED_MAX 32u
/* Whoever looks at output waits this long for the end of the program. */
#define EMBED_SETTLE_MS 1000u
/* A read or write that finds nothing to do is answered "busy" then, and repeated by the host. */
#define EMBED_QUIET_MS 2000u
#define EMBED_NAME_MAX 64u

struct program {
    struct program *next;
    char name[EMBED_NAME_MAX + 1];
    struct toolbox_program ops;
    void *arg;
};

struct toolbox_process {
    struct toolbox_process *next; /* newest first */
    struct toolbox *tb;
    struct toolbox_program ops; /* a copy: registrations may change */
    void *arg, *data;
    int64_t pid;
    struct toolbox_identity who;
    char name[EMBED_NAME_MAX + 1];
    char *arguments;
    int64_t start, end; /* Unix seconds; end 0 = running */
    uint64_t ended_ms;
    int exit_code;
    bool full;         /* `drained` is owed */
    bool input_ended;  /* the host has closed stdin */
    struct buf out[2]; /* stdout, stderr */
};

struct scheme {
    struct scheme *next;
    char name[EMBED_NAME_MAX + 1];
    struct toolbox_scheme ops;
    void *arg;
};

struct embed_file;

struct parked {
    struct parked *next;
    struct toolbox_vix *vix;
    uint64_t until;
};

struct embed {
    struct program *programs;
    struct scheme *schemes;
    struct toolbox_process *processes;
    unsigned process_count, file_count, parked_count;
    int64_t last_pid;
    struct embed_file *files;
    uint32_t last_handle;
    uint64_t last_session;
    struct parked *parked;
    bool retry;
};

/* What became of a request. */
enum embed_result {
    EMBED_DONE,  /* answered */
    EMBED_LATER, /* nothing to be done now */
};

/* tb_embed.c */
int embed_get(struct toolbox *tb, struct embed **ret); /* makes it on first use */
/* The handler of a request, if it is ours; `other`: somebody else takes such requests, too. */
bool embed_takes(struct toolbox_vix *vix, bool other);
void embed_handle(struct toolbox *tb, struct toolbox_vix *vix, void *arg);
void embed_tick(struct toolbox *tb);
uint64_t embed_deadline(const struct toolbox *tb); /* 0 = none */
void embed_free(struct toolbox *tb);
/* What a list of all processes made elsewhere lacks: appended to `out`. */
int embed_append_processes(const struct toolbox_vix *vix, struct buf *out);

enum embed_result embed_answer(struct toolbox_vix *vix, uint64_t error);
enum embed_result embed_fail_errno(struct toolbox_vix *vix, int err);

/* tb_program.c */
struct program *program_find(const struct embed *e, const char *name);
struct toolbox_process *process_find(const struct embed *e, int64_t pid);
bool process_allows(const struct toolbox_process *p, const struct toolbox_identity *who);
/* The stream that a path names: 0 stdin, 1, 2; -1 none. */
int process_stream(const struct embed *e, const char *path, struct toolbox_process **ret);
/* Whether its size can be told: all is there, or so much that reading may begin. */
bool process_settled(const struct toolbox_process *p, int fd, int64_t *ret_size);
enum embed_result process_start(struct toolbox_vix *vix, const struct vix_start_program *body);
enum embed_result process_terminate(struct toolbox_vix *vix, int64_t pid);
enum embed_result process_list(struct toolbox_vix *vix, const struct vix_list_processes *body);
void processes_free(struct embed *e);

/* tb_file.c */
bool embed_path(const struct embed *e, const char *path);
enum embed_result embed_look(struct toolbox_vix *vix, const char *path, bool write, bool final);
bool embed_takes_packet(struct toolbox_vix *vix, const struct vix_hgfs *body);
enum embed_result embed_packet(struct toolbox_vix *vix, const struct vix_hgfs *body, bool final);
void files_free(struct embed *e);

#endif
