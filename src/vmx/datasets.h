/*
 * Data sets in vmx: one thread that alone uses the stores, and a queue to it, so that nobody else
 * waits for the disk. What host and guest ask is done one after the other, in the order it came.
 *
 * The loop's thread puts jobs in; a job's `run` is called on the other thread and its `done` back
 * on the loop. The thread begins with the first job. The stores are opened when they are needed and
 * stay open until somebody holds them (vmx/vmfiles.h) or vmx ends. Answers to jobs that only read
 * are kept (vmx/dataset_answers.h) until a job that may change something is put in. The keys of the
 * configuration that name the files are set as soon as there are files.
 */
#ifndef VMX_DATASETS_H
#define VMX_DATASETS_H

#include <stdbool.h>

#include "vmx/dataset_answers.h"
#include "vmx/dataset_store.h"
#include "vmx/rpci.h"
#include "vmx/vm.h"

#define DATASETS_JOBS_MAX 1024u
#define DATASETS_HOLD_MS  5000u /* for the job that runs to end */
#define DATASETS_RETRY_MS 1000u /* before stores that could not be opened are tried again */
#define DATASETS_DISK_KEY "dataSetsMgr.diskStoreFile"
#define DATASETS_VM_KEY   "dataSetsMgr.vmStoreFile"

struct datasets;

struct dataset_job {
    struct dataset_job *next;
    bool reads;      /* and changes nothing */
    struct buf name; /* of its answer (vmx/dataset_answers.h); empty = it is not kept */
    /* Of the data sets it was submitted to: */
    struct datasets *datasets;
    uint64_t generation; /* at that moment */
    /* `store` NULL: it could not be opened, because of `broken`. */
    void (*run)(struct dataset_job *job, struct dataset_store *store, const struct error *broken);
    /* Exactly once for a job that was taken; `ran` false: vmx ends. */
    void (*done)(struct dataset_job *job, bool ran);
};

/* `folder` is the VM's folder. */
int datasets_new(struct vm *vm, const char *folder, struct datasets **ret, struct error *err);
/* Ends the thread and all jobs. NULL is fine. */
void datasets_free(struct datasets *d);

/* -EBUSY (too many wait), -EAGAIN (no thread). */
int datasets_submit(struct datasets *d, struct dataset_job *job);
/* The answer of that name, if it is known: NULL is not. Valid until the loop goes on. */
const void *datasets_known(struct datasets *d, const struct buf *name, size_t *ret_len);
/* In `done` of a job that ran well: its answer, for who asks the same. Frees the job's name. */
void datasets_keep(struct dataset_job *job, const void *answer, size_t len);
/* True: it had not begun, will not, and belongs to the caller again. */
bool datasets_withdraw(struct datasets *d, struct dataset_job *job);

/* The virtual hardware is new enough. */
bool datasets_supported(const struct vm *vm);
bool datasets_suspended(const struct vm *vm);

/* For vmx/vmfiles.h: one pair for both files; they nest. */
int datasets_hold(struct vm *vm, struct error *err);
void datasets_release(struct vm *vm, bool replaced);

/* hostd's operations, rows of ctl_ops.c. */
struct ctl_request;
void dataset_ctl(struct ctl_request *rq);
/* The guest's commands, a row of rpci_commands.c. */
int dataset_rpci(struct rpci_request *rq);

#endif
