#include "guest/vixops.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "guest/data_stream.h"
#include "wire/vix_ops.h"

static const struct vixop_def table[] = {
    {VIX_OP_DELETE_GUEST_FILE, .work = vixop_delete_file},
    {VIX_OP_GUEST_FILE_EXISTS, .work = vixop_exists},
    {VIX_OP_DIRECTORY_EXISTS, .work = vixop_exists},
    {VIX_OP_DELETE_GUEST_DIRECTORY, .work = vixop_delete_directory_old},
    {VIX_OP_DELETE_GUEST_EMPTY_DIRECTORY, .work = vixop_delete_empty_directory},
    {VIX_OP_CREATE_TEMPORARY_FILE, .work = vixop_create_temp},
    {VIX_OP_LIST_PROCESSES, .work = vixop_list_processes_old},
    {VIX_OP_MOVE_GUEST_FILE, .work = vixop_move},
    {VIX_OP_CREATE_DIRECTORY, .work = vixop_create_directory},
    {VIX_OP_LIST_DIRECTORY, .work = vixop_list_directory},
    {VIX_OP_HGFS_SEND_PACKET, .finish = vixop_hgfs},
    {VIX_OP_KILL_PROCESS, .finish = vixop_terminate},
    {VIX_OP_READ_VARIABLE, .work = vixop_read_variable},
    {VIX_OP_GET_FILE_INFO, .work = vixop_get_file_info},
    {VIX_OP_LIST_FILESYSTEMS, .work = vixop_list_filesystems},
    {VIX_OP_LIST_FILES, .prepare = vixop_list_files_prepare, .work = vixop_list_files,
     .finish = vixop_list_files_finish},
    {VIX_OP_CREATE_DIRECTORY_EX, .work = vixop_create_directory},
    {VIX_OP_MOVE_GUEST_FILE_EX, .work = vixop_move},
    {VIX_OP_MOVE_GUEST_DIRECTORY, .work = vixop_move},
    {VIX_OP_CREATE_TEMPORARY_FILE_EX, .work = vixop_create_temp},
    {VIX_OP_CREATE_TEMPORARY_DIRECTORY, .work = vixop_create_temp},
    {VIX_OP_SET_GUEST_FILE_ATTRIBUTES, .prepare = vixop_set_attributes_stream,
     .work = vixop_set_attributes},
    {VIX_OP_START_PROGRAM, .work = vixop_start_check, .finish = vixop_start_finish},
    {VIX_OP_LIST_PROCESSES_EX, .prepare = vixop_list_processes_prepare,
     .work = vixop_list_processes_work, .finish = vixop_list_processes_finish},
    {VIX_OP_READ_ENV_VARIABLES, .work = vixop_read_env},
    {VIX_OP_INITIATE_FILE_TRANSFER_FROM_GUEST, .prepare = vixop_transfer_from_stream,
     .work = vixop_transfer_from},
    {VIX_OP_INITIATE_FILE_TRANSFER_TO_GUEST, .prepare = vixop_transfer_to_stream,
     .work = vixop_transfer_to},
    {VIX_OP_TERMINATE_PROCESS, .finish = vixop_terminate},
    {VIX_OP_DELETE_GUEST_FILE_EX, .work = vixop_delete_file},
    {VIX_OP_DELETE_GUEST_DIRECTORY_EX, .work = vixop_delete_directory},
    {VIX_OP_STREAM_OPEN, .prepare = vixop_stream_prepare, .work = vixop_stream_open,
     .finish = vixop_stream_start},
    {VIX_OP_STREAM_END, .finish = vixop_stream_end},
};

const struct vixop_def *vixop_find(uint32_t opcode)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].opcode == opcode)
            return &table[i];
    return NULL;
}

void vixop_fail(struct vixop *op, enum vix_error error)
{
    if (op->error == VIX_OK)
        op->error = error;
}

void vixop_fail_for(struct vixop *op, enum vix_error error, int err)
{
    if (op->error == VIX_OK)
        op->additional = (uint32_t)err;
    vixop_fail(op, error);
}

void vixop_fail_errno(struct vixop *op, int err)
{
    if (op->error != VIX_OK)
        return;
    op->error = vix_error_from_errno(err);
    op->additional = (uint32_t)(err < 0 ? -err : err);
}

void vixop_free(struct vixop *op)
{
    if (op->free_state && op->state)
        op->free_state(op->state);
    buf_free(&op->result);
    mem_free(op->bytes);
    mem_free(op);
}

void vixop_done(struct vixop *op)
{
    /* A result that did not fit is a fault of ours, but the host must not take half of it. */
    if (op->error == VIX_OK && buf_error(&op->result) < 0)
        vixop_fail(op, VIX_E_OUT_OF_MEMORY);
    op->ctx->done(op);
}

static void finish(struct vixop *op)
{
    if (op->error == VIX_OK && op->def->finish && op->def->finish(op) == VIXOP_LATER)
        return;
    vixop_done(op);
}

static void work(struct work *request)
{
    struct vixop *op = CONTAINER_OF(request, struct vixop, request);

    op->def->work(op);
}

static void work_done(struct work *request)
{
    finish(CONTAINER_OF(request, struct vixop, request));
}

void vixop_run(struct vixop *op)
{
    if (op->def->prepare && op->def->prepare(op) == VIXOP_LATER)
        return;
    if (op->error != VIX_OK) {
        vixop_done(op);
        return;
    }
    if (!op->def->work) {
        finish(op);
        return;
    }
    op->request = (struct work){.run = work, .done = work_done};
    work_pool_submit(op->ctx->pool, &op->request);
}
