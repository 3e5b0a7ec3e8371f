/*
 * A guest agent of one's own, with libtoolbox: functions that callers of the vSphere API start like
 * programs, and a file that exists in memory only.
 *
 *   agent PASSWORD_FILE
 *
 * The caller logs in as "demo" with the first line of that file. Then, for example with govmomi's
 * guest/toolbox client:
 *
 *   upper          what is uploaded to /proc/PID/stdin comes back in capitals on /proc/PID/stdout
 *   count N        the numbers from 1 to N, one a line; it waits for whoever reads them
 *   wait           runs until it is terminated, and ends with code 143
 *   /note:/        a note: upload it, download it
 */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <inguest/toolbox.h>

#define NOTE_MAX 4096

static char password[256];
static char note[NOTE_MAX];
static size_t note_len;

/* ---- programs ---- */

static void ended(struct toolbox_process *p, void *arg)
{
    (void)arg;
    free(toolbox_process_data(p));
    toolbox_process_exit(p, 128 + 15);
}

static int upper_start(struct toolbox_process *p, const char *arguments, void *arg)
{
    (void)p;
    (void)arguments;
    (void)arg;
    return 0;
}

static long upper_input(struct toolbox_process *p, const void *data, size_t len, void *arg)
{
    char out[4096];
    size_t n = len < sizeof(out) ? len : sizeof(out);

    (void)arg;
    if (len == 0) {
        toolbox_process_exit(p, 0);
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = (char)toupper(((const unsigned char *)data)[i]);
    /* No room: what is uploaded waits until what was written has been read. */
    int r = toolbox_process_write(p, 1, out, n);
    return r < 0 ? r : (long)n;
}

static void upper_drained(struct toolbox_process *p, void *arg)
{
    (void)p;
    toolbox_retry(arg);
}

struct count {
    long next, last;
};

static void count_on(struct toolbox_process *p, void *arg)
{
    struct count *c = toolbox_process_data(p);
    char line[24];

    (void)arg;
    for (; c->next <= c->last; c->next++) {
        int n = snprintf(line, sizeof(line), "%ld\n", c->next);

        if (toolbox_process_write(p, 1, line, (size_t)n) < 0)
            return; /* count_on comes again when there is room */
    }
    free(c);
    toolbox_process_exit(p, 0);
}

static int count_start(struct toolbox_process *p, const char *arguments, void *arg)
{
    struct count *c = calloc(1, sizeof(*c));

    if (!c)
        return -ENOMEM;
    c->next = 1;
    c->last = strtol(arguments, NULL, 10);
    toolbox_process_set_data(p, c);
    count_on(p, arg);
    return 0;
}

static int wait_start(struct toolbox_process *p, const char *arguments, void *arg)
{
    static const char text[] = "waiting\n";

    (void)arguments;
    (void)arg;
    return toolbox_process_write(p, 2, text, sizeof(text) - 1);
}

/* ---- the note ---- */

struct open_note {
    bool write;
    size_t position;
    char draft[NOTE_MAX]; /* an upload is the note only when it is whole */
};

static int note_look(struct toolbox *tb, const struct toolbox_identity *who, const char *path,
                     const char *query, bool write, struct toolbox_file_info *ret, void *arg)
{
    (void)tb;
    (void)who;
    (void)path;
    (void)query;
    (void)write;
    (void)arg;
    *ret =
        (struct toolbox_file_info){.size = (int64_t)note_len, .mode = 0600, .modified = time(NULL)};
    return 0;
}

static int note_open(struct toolbox *tb, const struct toolbox_identity *who, const char *path,
                     const char *query, bool write, void **ret_file, void *arg)
{
    (void)tb;
    (void)who;
    (void)path;
    (void)query;
    (void)arg;
    struct open_note *n = calloc(1, sizeof(*n));

    if (!n)
        return -ENOMEM;
    n->write = write;
    *ret_file = n;
    return 0;
}

static long note_read(void *file, void *out, size_t size, void *arg)
{
    struct open_note *n = file;
    size_t left = note_len > n->position ? note_len - n->position : 0;

    (void)arg;
    if (size > left)
        size = left;
    memcpy(out, note + n->position, size);
    n->position += size;
    return (long)size;
}

static long note_write(void *file, const void *data, size_t len, void *arg)
{
    struct open_note *n = file;

    (void)arg;
    if (len > sizeof(n->draft) - n->position)
        return -ENOSPC;
    memcpy(n->draft + n->position, data, len);
    n->position += len;
    return (long)len;
}

static int note_close(void *file, bool complete, void *arg)
{
    struct open_note *n = file;

    (void)arg;
    if (complete && n->write) {
        memcpy(note, n->draft, n->position);
        note_len = n->position;
    }
    free(n);
    return 0;
}

/* ---- logins and the loop ---- */

static void authenticate(struct toolbox *tb, struct toolbox_vix *req, void *arg)
{
    struct toolbox_identity who = {.uid = getuid(), .gid = getgid(), .user = "demo"};
    char name[64], given[256];
    bool good = toolbox_vix_login(req, name, sizeof(name), given, sizeof(given)) == 0 &&
                strcmp(name, who.user) == 0 && strcmp(given, password) == 0;

    (void)tb;
    (void)arg;
    explicit_bzero(given, sizeof(given));
    toolbox_vix_authenticated(req, 0, good ? &who : NULL);
}

static int read_password(const char *path)
{
    FILE *f = fopen(path, "re");

    if (!f)
        return -1;
    if (!fgets(password, sizeof(password), f))
        password[0] = '\0';
    fclose(f);
    password[strcspn(password, "\n")] = '\0';
    return password[0] ? 0 : -1;
}

static int wait_ms(const struct toolbox *tb)
{
    struct timespec now;
    int64_t at = toolbox_deadline_ms(tb), ms;

    if (at < 0)
        return -1;
    clock_gettime(CLOCK_MONOTONIC, &now);
    ms = at - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    return ms < 0 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

int main(int argc, char **argv)
{
    static const struct toolbox_program upper = {upper_start, ended, upper_input, upper_drained};
    static const struct toolbox_program count = {count_start, ended, NULL, count_on};
    static const struct toolbox_program waiting = {wait_start, ended, NULL, NULL};
    static const struct toolbox_scheme notes = {note_look, note_open, note_read, note_write,
                                                note_close};
    struct toolbox *tb;

    if (argc != 2 || read_password(argv[1]) < 0) {
        fprintf(stderr, "usage: agent PASSWORD_FILE\n");
        return 2;
    }
    if (toolbox_create(NULL, &tb) < 0)
        return 1;
    toolbox_set_authenticator(tb, authenticate, NULL);
    if (toolbox_add_program(tb, "upper", &upper, tb) < 0 ||
        toolbox_add_program(tb, "count", &count, tb) < 0 ||
        toolbox_add_program(tb, "wait", &waiting, tb) < 0 ||
        toolbox_add_scheme(tb, "note", &notes, tb) < 0)
        return 1;
    toolbox_start(tb);
    for (;;) {
        struct pollfd p = {.fd = toolbox_fd(tb), .events = POLLIN};

        if (poll(&p, 1, wait_ms(tb)) < 0 && errno != EINTR)
            break;
        if (toolbox_process(tb) < 0)
            break;
    }
    toolbox_destroy(tb);
    return 1;
}
