/* A session's own state: vix_session.c has the connection, vix_pool.c the workers. */
#ifndef CLIENT_VIX_SESSION_IMPL_H
#define CLIENT_VIX_SESSION_IMPL_H

#include "client/vim_ticket.h"
#include "client/vix_impl.h"

struct vix_client {
    struct vim_client *client;
    bool borrowed;
    pthread_t by; /* who has borrowed it */
};

struct vix_session {
    atomic_int uses;            /* objects and jobs: without any the session ends */
    atomic_int refs;            /* workers, and all uses together: without any the memory goes */
    struct vix_connect options; /* with strings of its own */
    bool local;
    atomic_bool no_process_wait; /* the host lacks WaitForProcessInGuest */
    char address[256];
    char user[256]; /* who is logged in */

    pthread_mutex_t lock; /* of everything below */
    bool ended;
    VixError reason;          /* why what runs ends */
    pthread_cond_t changed;   /* a client is free, or it has ended; for sleepers */
    struct vim_client *first; /* owns the service content; when logged in, clients[0] */
    struct vix_client clients[VIX_CLIENTS_MAX];
    unsigned client_count;
    char cookie[VIM_CLIENT_COOKIE_MAX]; /* of the login */
    bool renewing;

    pthread_cond_t work; /* a job came, a VM is free, or it has ended */
    struct vix_job *queue, **queue_end;
    unsigned queued;
    pthread_t workers[VIX_WORKERS_MAX];
    unsigned worker_count, idle;
};

/* Waits for the workers to end; a worker that calls this is left to itself. */
void vix_pool_join(struct vix_session *s);
/* Ends every job that waits. */
void vix_pool_drain(struct vix_session *s, VixError reason);
/* The connection that has logged in is there for work. Under the lock. */
void vix_session_lend_first(struct vix_session *s);
void vix_session_unref(struct vix_session *s);

#endif
