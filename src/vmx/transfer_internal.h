/* Shared by the files of a transfer: transfer.c (life, opening, clean-up) and transfer_data.c
 * (moving the data). */
#ifndef VMX_TRANSFER_INTERNAL_H
#define VMX_TRANSFER_INTERNAL_H

#include <uv.h>

#include "base/buf.h"
#include "vmx/audit.h"
#include "vmx/hgfs_client.h"
#include "vmx/transfer.h"

enum transfer_state {
    TRANSFER_OPENING,
    TRANSFER_OPEN,
    TRANSFER_RUNNING,
    TRANSFER_ENDING, /* nobody waits any more (or `cb` for the close); the guest is cleaned up */
};

enum slot_state {
    SLOT_FREE,
    SLOT_SENT,
    SLOT_FULL, /* download: holds data */
    SLOT_HELD, /* upload: to be sent again, in its turn */
};

/* One packet of data under way. A download's slots are a ring in file order. */
struct slot {
    struct transfer *t;
    enum slot_state state;
    uint64_t offset;
    uint32_t size; /* asked for, or to be written */
    uint32_t done; /* of it: written to the guest, or taken by the descriptor */
    uint32_t have; /* download: bytes in data */
    uint64_t sent_ms;
    uint8_t *data; /* allocated once, `chunk` bytes */
};

struct transfer {
    struct transfer *next;
    struct transfers *ts;
    uint64_t handle;
    enum transfer_state state;
    bool write, overwrite;
    bool have_session, have_file, remove;
    bool undo;     /* the agent undoes what is not closed when the session ends */
    bool finished; /* all data is moved */
    struct transfer_open open;
    struct audit audit; /* pointers in it are ours */
    struct buf name;    /* HGFS form of the path */
    struct hgfs_client hgfs;
    uint32_t file; /* HGFS handle */
    uint32_t chunk;
    unsigned depth, busy; /* slots used; slots SENT */
    int64_t size;         /* announced; -1 unknown */
    uint64_t next_offset; /* of the next packet */
    uint64_t moved;       /* bytes that have arrived */
    bool eof;             /* no packet is to be begun any more */
    bool ordered;         /* upload into a stream that is full: one packet at a time */
    unsigned hurried;     /* "busy" answers in a row that came at once */
    struct slot slots[TRANSFER_DEPTH];
    unsigned head, tail; /* download: oldest slot, next slot to ask with */
    unsigned controls;   /* control packets under way */
    uint64_t sent_ms;    /* when the guest last heard of us */
    transfer_cb *cb;
    void *arg;
    int fd;
    uv_poll_t *poll; /* NULL = none */
    unsigned stall_ms;
    uv_timer_t timer, keep;
    int handles;
};

struct transfers {
    struct vm *vm;
    struct transfer *list;
    unsigned count;
    uint64_t last_handle;
};

/* Ends a transfer that goes wrong: tells the caller, cleans up in the guest. */
void transfer_fail_answer(struct transfer *t, const struct hgfs_answer *answer);
void transfer_fail_text(struct transfer *t, int code, const char *hop, uint64_t vix,
                        const char *text);
/* All data is moved: closes the file, tells the caller, ends. */
void transfer_complete(struct transfer *t);
/* Something moved: the stall timer begins anew. */
void transfer_progress(struct transfer *t);
/* Goes on with the clean-up when nothing is under way any more. */
void transfer_settle(struct transfer *t);

/* transfer_data.c */
int transfer_data_begin(struct transfer *t, int fd);
void transfer_data_end(struct transfer *t);
/* The first packet of a download whose size the guest calls 0; `cb` tells its data. */
void transfer_data_keep_first(struct transfer *t, const uint8_t *data, uint32_t len);

#endif
