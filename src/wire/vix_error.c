#include "wire/vix_error.h"

#include <errno.h>
#include <stddef.h>

static const struct {
    uint16_t code;
    const char *name;
    const char *text;
} errors[] = {{0, "VIX_OK", "success"},
#define ROW(code, name, text) {code, "VIX_E_" #name, text},
              VIX_ERROR_LIST(ROW)
#undef ROW
};

static const struct {
    int err;
    enum vix_error code;
} from_errno[] = {
    {EPERM, VIX_E_FILE_ACCESS_ERROR},
    {EACCES, VIX_E_FILE_ACCESS_ERROR},
    {EAGAIN, VIX_E_OBJECT_IS_BUSY},
    {EBUSY, VIX_E_OBJECT_IS_BUSY},
    {EEXIST, VIX_E_FILE_ALREADY_EXISTS},
    {EFBIG, VIX_E_FILE_TOO_BIG},
    {ENOTEMPTY, VIX_E_DIRECTORY_NOT_EMPTY},
    {ENOTDIR, VIX_E_NOT_A_DIRECTORY},
    {ETIMEDOUT, VIX_E_FILE_ERROR},
    {ENOBUFS, VIX_E_FILE_ERROR},
    {EIO, VIX_E_FILE_ERROR},
    {EMFILE, VIX_E_FILE_ERROR},
    {ENFILE, VIX_E_FILE_ERROR},
    {EMLINK, VIX_E_FILE_ERROR},
    {EROFS, VIX_E_FILE_ERROR},
    {ENODEV, VIX_E_FILE_NOT_FOUND},
    {ENOENT, VIX_E_FILE_NOT_FOUND},
    {ENOSPC, VIX_E_DISK_FULL},
    {EDQUOT, VIX_E_DISK_FULL},
    {EISDIR, VIX_E_NOT_A_FILE},
    {ESRCH, VIX_E_NO_SUCH_PROCESS},
    {ENAMETOOLONG, VIX_E_FILE_NAME_TOO_LONG},
    {EMSGSIZE, VIX_E_INVALID_ARG},
    {EINVAL, VIX_E_INVALID_ARG},
    {ELOOP, VIX_E_OUT_OF_MEMORY},
    {ENOMEM, VIX_E_OUT_OF_MEMORY},
};

const char *vix_error_name(uint64_t err)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (errors[i].code == VIX_ERROR_CODE(err))
            return errors[i].name;
    return "VIX_E_UNKNOWN";
}

const char *vix_error_text(uint64_t err)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (errors[i].code == VIX_ERROR_CODE(err))
            return errors[i].text;
    return "unknown VIX error";
}

enum vix_error vix_error_from_errno(int err)
{
    if (err < 0)
        err = -err;
    for (size_t i = 0; i < sizeof(from_errno) / sizeof(from_errno[0]); i++)
        if (from_errno[i].err == err)
            return from_errno[i].code;
    return VIX_E_FAIL;
}

enum vix_error vix_error_from_decode(int err)
{
    switch (err) {
    case 0:
        return VIX_OK;
    case -EPROTO:
        return VIX_E_INVALID_MESSAGE_HEADER;
    case -EILSEQ:
        return VIX_E_INVALID_UTF8_STRING;
    case -ENOMEM:
        return VIX_E_OUT_OF_MEMORY;
    case -EOPNOTSUPP:
        return VIX_E_UNRECOGNIZED_COMMAND_IN_GUEST;
    default:
        return VIX_E_INVALID_MESSAGE_BODY;
    }
}
