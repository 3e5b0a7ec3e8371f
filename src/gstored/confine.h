/* What gstored gives up when it knows its repository. */
#ifndef GSTORED_CONFINE_H
#define GSTORED_CONFINE_H

#include "base/confine.h"
#include "gstored/settings.h"

/* Files: its own folder, the repository's, and what names and certificates need. System calls:
 * those of vmx, and Internet sockets only for a repository that is a server. */
int confine_gstored(const struct settings *settings, const char *state_path, struct error *err);

#endif
