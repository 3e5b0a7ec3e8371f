/* A body of any bytes for one of several methods or REST operations (the first byte says which):
 * decoded, and when it is one, encoded and decoded again to the same. */
#include <stdlib.h>
#include <string.h>

#include "api/json_codec.h"
#include "api/rest_operation.h"
#include "api/vim_methods.h"

#define ARENA_MAX (8u << 20)
#define NEWEST    VIM_VERSION_9_1_0_0

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(enum json_dialect dialect, const struct vim_type *type, const void *first)
{
    struct arena arena = ARENA_INIT(ARENA_MAX);
    struct buf b = BUF_INIT(16u << 20);
    struct json_fault fault;
    void *second;

    if (json_encode_args(&b, dialect, type, first, NEWEST) == 0 &&
        json_decode(b.data, b.len, &JSON_LIMITS_DEFAULT, dialect, type, NEWEST, &arena, &second,
                    &fault, NULL) == 0 &&
        !vim_struct_equal(type, first, second))
        abort();
    buf_free(&b);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vim_method *const methods[] = {
        &vim_method_Login,
        &vim_method_RetrievePropertiesEx,
        &vim_method_SetTaskState,
        &vim_method_StartProgramInGuest,
        &vim_method_InitiateFileTransferToGuest,
        &vim_method_ReconfigVM_Task,
    };
    struct arena arena = ARENA_INIT(ARENA_MAX);
    struct json_fault fault = {0};
    struct buf b = BUF_INIT(1u << 20);
    enum json_dialect dialect;
    const struct vim_type *type;
    void *args = NULL;

    if (size == 0)
        return 0;
    dialect = data[0] & 0x80 ? JSON_REST : JSON_VIM;
    type = dialect == JSON_REST
               ? rest_operations[(data[0] & 0x7f) % REST_OPERATION_COUNT].body
               : methods[data[0] % (sizeof(methods) / sizeof(methods[0]))]->request;
    if (!type) /* an operation without a body */
        return 0;
    if (json_decode(data + 1, size - 1, &JSON_LIMITS_DEFAULT, dialect, type, NEWEST, &arena, &args,
                    &fault, NULL) == 0) {
        /* What handlers are promised. */
        if (vim_missing_field(type, args, 0))
            abort();
        again(dialect, type, args);
        vim_wipe_secrets(type, args);
    } else if (fault.detail && json_encode_fault(&b, &fault, NEWEST) != 0) {
        abort();
    }
    buf_free(&b);
    arena_free(&arena);
    return 0;
}
