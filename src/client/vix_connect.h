/*
 * How libvix and vmrun reach a host: VixHost_Connect with everything that its signature has no
 * room for.
 */
#ifndef CLIENT_VIX_CONNECT_H
#define CLIENT_VIX_CONNECT_H

#include "inguest/vix.h"

struct vix_connect {
    int api_version;
    VixServiceProvider type;
    const char *host; /* name, HOST:PORT or URL; NULL: the host of this machine */
    int port;
    const char *user, *password;
    VixHostOptions options;
    /* Trust. A given file, folder or fingerprint is the only trust; else known servers
     * (vim_trust.h), then the system's authorities, then `ask`. */
    const char *ca_file, *ca_dir;
    const char *fingerprint; /* SHA-256 of the certificate, hex, with or without colons */
    /* Is this unknown server to be trusted from now on? NULL = no. From a thread of the library. */
    int (*ask)(const char *address, const char *fingerprint, void *arg);
    void *ask_arg;
    unsigned connect_s, timeout_s;   /* 0 = defaults of vim_client.h */
    unsigned keep_login_s;           /* > 0: share the login through a ticket file (vim_ticket.h) */
    const char *state_dir, *run_dir; /* of this machine's host; NULL = the usual ones */
};

VixHandle vix_connect_start(const struct vix_connect *o, VixEventProc *callback, void *data);
/* Ends the session that a handle belongs to, and what runs in it with `reason`. From any thread;
 * the handle stays valid. */
void vix_connect_abort(VixHandle handle, VixError reason);
/* The error's text of the last failed step in words, for people; "" without one. To be freed. */
char *vix_job_words(VixHandle job);

#endif
