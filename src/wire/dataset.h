/*
 * Data sets: what hosts, guests and clients have to agree on. (DataSets, "Model and limits".)
 *
 * Names, keys, values and descriptions are UTF-8 without NUL and compared byte by byte; all sizes
 * are bytes.
 */
#ifndef WIRE_DATASET_H
#define WIRE_DATASET_H

#include <stddef.h>

#define DATASET_NAME_MAX        255u
#define DATASET_DESCRIPTION_MAX 1024u
#define DATASET_KEY_MAX         4096u
#define DATASET_VALUE_MAX       (1u << 20)
#define DATASET_TOTAL_MAX       (100u << 20) /* keys and values of one VM together */
#define DATASET_SETS_MAX        1024u        /* of one VM */
#define DATASET_HARDWARE_MIN    20           /* virtualHW.version */

/* On the guest's channel: a request with its command word; a reply, which is only longer when its
 * single entry is. */
#define DATASET_GUEST_REQUEST_MAX 65536u
#define DATASET_GUEST_REPLY       (1u << 20)

enum dataset_access { DATASET_NONE, DATASET_READ_ONLY, DATASET_READ_WRITE };

/* "READ_WRITE" */
const char *dataset_access_name(enum dataset_access access);
/* -EINVAL when it is none. */
int dataset_access_find(const char *name, enum dataset_access *ret);

/*
 * Why an operation on data sets was refused; negative errno codes, each with one meaning from the
 * store to the edges, where tables turn them into the guest's error identifiers and REST's errors.
 */
#include <errno.h>
#define DATASET_E_EXISTS      (-EEXIST)       /* the name is in use */
#define DATASET_E_NO_SET      (-ENXIO)        /* no such data set */
#define DATASET_E_NO_ENTRY    (-ENODATA)      /* no such key */
#define DATASET_E_ACCESS      (-EACCES)       /* the access mode forbids it */
#define DATASET_E_NOT_EMPTY   (-ENOTEMPTY)    /* has entries, and force was not given */
#define DATASET_E_FULL        (-EDQUOT)       /* a total limit would be exceeded */
#define DATASET_E_NAME        (-EBADSLT)      /* no name of a data set can be so */
#define DATASET_E_DESCRIPTION (-E2BIG)        /* too large, or not UTF-8 */
#define DATASET_E_KEY         (-ENAMETOOLONG) /* empty, too large, or not UTF-8 */
#define DATASET_E_VALUE       (-EFBIG)        /* too large, or not UTF-8 */
#define DATASET_E_ARGUMENT    (-EINVAL)       /* anything else about the request */
#define DATASET_E_SUSPENDED   (-EBUSY)        /* not while the VM is suspended */
#define DATASET_E_HARDWARE    (-EOPNOTSUPP)   /* virtual hardware too old */
#define DATASET_E_DAMAGED     (-EUCLEAN) /* a store is no store, or damaged; it is left as it is */
#define DATASET_E_LOCKED      (-EAGAIN)  /* a store is in use by somebody else */

#endif
