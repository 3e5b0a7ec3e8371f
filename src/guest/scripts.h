/* The scripts of a folder, as they are run one after the other when the guest changes its state. */
#ifndef GUEST_SCRIPTS_H
#define GUEST_SCRIPTS_H

/* Paths of the executable regular files of `dir` in the order of their names, those that begin with
 * a dot left out, at most `max`; the caller frees each. Returns how many, 0 also when the folder
 * cannot be read; -ENOMEM, and then there are none. */
int scripts_list(const char *dir, char **ret, unsigned max);

#endif
