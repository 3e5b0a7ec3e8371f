/* A request of any bytes: decoded, and when it is one, encoded and decoded again to the same. */
#include <stdlib.h>

#include "api/soap.h"
#include "api/vim_types.h"

#define ARENA_MAX (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct soap_request *first, struct arena *arena)
{
    struct buf b = BUF_INIT(16u << 20);
    struct soap_request second;
    struct soap_fault fault;

    if (soap_encode_request(&b, first->method, first->args, NULL, VIM_VERSION_9_1_0_0) == 0) {
        struct arena room = ARENA_INIT(ARENA_MAX);

        if (soap_decode_request(b.data, b.len, &SOAP_LIMITS_DEFAULT, VIM_VERSION_9_1_0_0, &room,
                                &second, &fault, NULL) == 0 &&
            second.method != first->method)
            abort();
        arena_free(&room);
    }
    vim_wipe_secrets(first->method->request, first->args);
    (void)arena;
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = ARENA_INIT(ARENA_MAX);
    struct soap_request request;
    struct soap_fault fault = {0};
    struct buf b = BUF_INIT(1u << 20);
    vim_version version = size ? data[size - 1] % vim_version_count : 0;
    int r = soap_decode_request(data, size, &SOAP_LIMITS_DEFAULT, version, &arena, &request, &fault,
                                NULL);

    if (r == 0) {
        /* What handlers are promised. */
        if (!request.self.value || vim_missing_field(request.method->request, request.args, 0))
            abort();
        again(&request, &arena);
    } else if (fault.detail && soap_encode_fault(&b, &fault, version) != 0) {
        abort();
    }
    buf_free(&b);
    arena_free(&arena);
    return 0;
}
