/* An answer of any bytes to calls with different kinds of results. */
#include "api/soap.h"
#include "api/vim_methods.h"

#define ARENA_MAX (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vim_method *const methods[] = {
        &vim_method_Fetch,       &vim_method_RetrievePropertiesEx, &vim_method_WaitForUpdatesEx,
        &vim_method_CurrentTime, &vim_method_ListFilesInGuest,
    };

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct arena arena = ARENA_INIT(ARENA_MAX);
        struct buf b = BUF_INIT(1u << 20);
        struct soap_fault fault = {0};
        void *result;

        if (soap_decode_response(data, size, &SOAP_LIMITS_DEFAULT, methods[i], &arena, &result,
                                 &fault, NULL) == 0)
            soap_encode_response(&b, methods[i], result, vim_version_advertised);
        buf_free(&b);
        arena_free(&arena);
    }
    return 0;
}
