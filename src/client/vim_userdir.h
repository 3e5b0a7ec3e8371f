/* Folders of the user's own, for what the client remembers. */
#ifndef CLIENT_VIM_USERDIR_H
#define CLIENT_VIM_USERDIR_H

#include "base/error.h"

enum vim_userdir { VIM_USERDIR_CONFIG, VIM_USERDIR_RUN };

/* Opens (and with `make` makes, mode 0700) the folder: $XDG_CONFIG_HOME/inguest or
 * ~/.config/inguest; $XDG_RUNTIME_DIR/inguest or ~/.cache/inguest. A descriptor, or a negative
 * errno: -EPERM when the folder is not the user's own alone. */
int vim_userdir_open(enum vim_userdir which, int make, struct error *err);

#endif
