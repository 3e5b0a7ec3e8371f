/* What the guest operations of libvix share. */
#ifndef CLIENT_VIX_GUEST_H
#define CLIENT_VIX_GUEST_H

#include "client/vix_impl.h"

/* The manager object, and the login's credentials: what every guest method begins with. */
VixError vix_guest_begin(struct vix_ctx *x, enum vix_manager manager, struct vim_ref *ret_this,
                         struct vim_GuestAuthentication **ret_auth);
/* Why the guest cannot be reached, more exactly than the fault tells: guest operations are not
 * allowed, or the tools are not there. */
VixError vix_guest_refine(struct vix_ctx *x, VixError error);

struct vix_guest_file {
    bool directory, symlink;
    int64 size;     /* bytes; 0 for a directory */
    int64 modified; /* seconds since 1970 */
    mode_t mode;
};

VixError vix_guest_stat(struct vix_ctx *x, const char *path, struct vix_guest_file *ret);
/* Entries of a directory from `index` on, without "." and ".."; *ret_more: there are others. */
VixError vix_guest_list(struct vix_ctx *x, struct arena *arena, const char *path, int index,
                        struct vim_GuestListFileInfo **ret);
void vix_guest_describe(const struct vim_GuestFileInfo *info, struct vix_guest_file *ret);
VixError vix_guest_put(struct vix_ctx *x, int fd, uint64_t size, mode_t mode, const char *path);
VixError vix_guest_mkdir(struct vix_ctx *x, const char *path, bool parents);
VixError vix_guest_delete(struct vix_ctx *x, const char *path);
VixError vix_guest_temp(struct vix_ctx *x, const char **ret);

/* A job on a VM whose login is needed. */
VixHandle vix_guest_job(VixHandle vm, const struct vix_op *op, const struct vix_args *args,
                        VixEventProc *callback, void *data);

/* What errno says of a file on this machine. */
VixError vix_host_error(struct vix_ctx *x, const char *path);
void vix_guest_progress(uint64_t done, uint64_t total, void *job);

/* For the two directions of copies: vix_copy_to.c, vix_copy_from.c. */
VixError vix_copy_to_guest(struct vix_ctx *x, const struct vix_args *a);
VixError vix_copy_from_guest(struct vix_ctx *x, const struct vix_args *a);

#define VIX_COPY_DEPTH_MAX 128 /* folders in folders */

#endif
