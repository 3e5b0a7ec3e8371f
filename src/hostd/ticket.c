#include "hostd/ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/random.h"
#include "hostd/users.h"

#define SCAN_MS 5000

struct ticket {
    enum ticket_kind kind;
    char text[TICKET_SIZE]; /* "" = free */
    char user[USERS_NAME_MAX + 1];
    uint64_t until_ms;
    char file[40]; /* in RUN/tickets; "" = none */
};

struct tickets {
    struct ticket table[TICKETS_MAX];
    int dir; /* RUN/tickets */
    uv_timer_t timer;
};

static void drop(struct tickets *all, struct ticket *t)
{
    if (t->file[0])
        unlinkat(all->dir, t->file, 0);
    explicit_bzero(t, sizeof(*t));
}

static void expire(struct tickets *all)
{
    for (size_t i = 0; i < TICKETS_MAX; i++)
        if (all->table[i].text[0] && clock_ms() > all->table[i].until_ms)
            drop(all, &all->table[i]);
}

static void on_timer(uv_timer_t *timer)
{
    expire(timer->data);
}

int tickets_new(struct host *host)
{
    struct tickets *all = mem_calloc(1, sizeof(*all));
    char path[TICKET_PATH_MAX];
    if (!all)
        return -ENOMEM;
    snprintf(path, sizeof(path), "%s/tickets", host->options.run_dir);
    int rc = fs_mkdirs(path, 0700, NULL);
    all->dir = rc == 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (all->dir < 0) {
        rc = rc ? rc : -errno;
        mem_free(all);
        return rc;
    }
    uv_timer_init(host->loop, &all->timer);
    all->timer.data = all;
    uv_timer_start(&all->timer, on_timer, SCAN_MS, SCAN_MS);
    uv_unref((uv_handle_t *)&all->timer);
    host->tickets = all;
    return 0;
}

static void on_closed(uv_handle_t *h)
{
    mem_free(h->data);
}

void tickets_free(struct host *host)
{
    struct tickets *all = host->tickets;
    if (!all)
        return;
    for (size_t i = 0; i < TICKETS_MAX; i++)
        drop(all, &all->table[i]);
    close(all->dir);
    uv_close((uv_handle_t *)&all->timer, on_closed);
    host->tickets = NULL;
}

static struct ticket *new_ticket(struct tickets *all, enum ticket_kind kind, const char *user)
{
    expire(all);
    struct ticket *t = &all->table[0];
    for (size_t i = 0; i < TICKETS_MAX; i++) {
        struct ticket *other = &all->table[i];
        if (!other->text[0]) {
            t = other;
            break;
        }
        if (other->until_ms < t->until_ms)
            t = other;
    }
    drop(all, t);
    t->kind = kind;
    t->until_ms = clock_ms() + TICKET_MS;
    snprintf(t->user, sizeof(t->user), "%s", user);
    random_hex(t->text, TICKET_SIZE - 1);
    return t;
}

void ticket_make(struct host *host, enum ticket_kind kind, const char *user, char out[TICKET_SIZE])
{
    memcpy(out, new_ticket(host->tickets, kind, user)->text, TICKET_SIZE);
}

int ticket_make_local(struct host *host, const char *user, char path[TICKET_PATH_MAX])
{
    struct tickets *all = host->tickets;
    struct ticket *t = new_ticket(all, TICKET_LOCAL, user);
    random_hex(t->file, 32);
    int fd = openat(all->dir, t->file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc = fd < 0 ? -errno : fs_write_all(fd, t->text, TICKET_SIZE - 1);
    if (fd >= 0)
        close(fd);
    if (rc == 0 && (size_t)snprintf(path, TICKET_PATH_MAX, "%s/tickets/%s", host->options.run_dir,
                                    t->file) >= TICKET_PATH_MAX)
        rc = -ENAMETOOLONG;
    if (rc < 0)
        drop(all, t);
    return rc;
}

static struct ticket *find(struct tickets *all, enum ticket_kind kind, const char *text)
{
    if (!all || strlen(text) != TICKET_SIZE - 1)
        return NULL;
    expire(all);
    struct ticket *found = NULL;
    for (size_t i = 0; i < TICKETS_MAX; i++) {
        struct ticket *t = &all->table[i];
        unsigned char diff = t->kind != kind || !t->text[0];
        for (size_t n = 0; n < TICKET_SIZE; n++)
            diff |= (unsigned char)(t->text[n] ^ text[n]);
        if (!diff)
            found = t;
    }
    return found;
}

bool ticket_redeem(struct host *host, const char *user, const char *text)
{
    struct ticket *t = find(host->tickets, TICKET_LOCAL, text);
    if (!t || strcmp(t->user, user) != 0)
        return false;
    drop(host->tickets, t);
    return true;
}

bool ticket_redeem_clone(struct host *host, const char *text, char *ret_user, size_t size)
{
    struct ticket *t = find(host->tickets, TICKET_CLONE, text);
    if (!t)
        return false;
    snprintf(ret_user, size, "%s", t->user);
    drop(host->tickets, t);
    return true;
}
