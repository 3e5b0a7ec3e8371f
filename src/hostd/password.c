#include "hostd/password.h"

#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define METHOD "$y$"

struct job {
    struct job *next; /* in the queue */
    uv_loop_t *loop;
    uv_work_t work;
    char password[PASSWORD_MAX + 1];
    char hash[PASSWORD_HASH_MAX];
    bool match; /* compare; else make a hash */
    int code;
    bool matches;
    password_hash_cb hash_cb;
    password_match_cb match_cb;
    void *arg;
};

/* Loop thread. A hash takes 16 MiB for its time, so there is only one at a time. */
static struct {
    struct job *head, **tail;
    unsigned count; /* with the one that runs */
} queue = {NULL, &queue.head, 0};

static void run_next(void);

static int crypt_to(const char *password, const char *setting, char out[PASSWORD_HASH_MAX])
{
    struct crypt_data *data = mem_calloc(1, sizeof(*data));
    if (!data)
        return -ENOMEM;
    const char *hash = crypt_r(password, setting, data);
    int code = 0;
    if (!hash || hash[0] == '*')
        code = -EINVAL;
    else if ((size_t)snprintf(out, PASSWORD_HASH_MAX, "%s", hash) >= PASSWORD_HASH_MAX)
        code = -EINVAL;
    mem_free_secret(data, sizeof(*data));
    return code;
}

int password_hash(const char *password, char out[PASSWORD_HASH_MAX])
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    if (strlen(password) > PASSWORD_MAX)
        return -EINVAL;
    if (!crypt_gensalt_rn(METHOD, 0, NULL, 0, setting, sizeof(setting)))
        return -ENOSYS;
    return crypt_to(password, setting, out);
}

static bool same(const char *a, const char *b)
{
    size_t n = strlen(a);
    unsigned char diff = n != strlen(b);
    for (size_t i = 0; i < n && b[i]; i++)
        diff |= (unsigned char)(a[i] ^ b[i]);
    return diff == 0;
}

bool password_matches(const char *password, const char *hash)
{
    /* The setting of no user's hash: an unknown name costs the same time. */
    static const char nobody[] = METHOD "j9T$.ieENfKQQNVvrOHRjA4Bi.$";
    char out[PASSWORD_HASH_MAX];
    if (strlen(password) > PASSWORD_MAX)
        return false;
    bool known = hash && *hash;
    bool ok = crypt_to(password, known ? hash : nobody, out) == 0 && known && same(out, hash);
    explicit_bzero(out, sizeof(out));
    return ok;
}

static void work(uv_work_t *w)
{
    struct job *job = w->data;
    if (job->match)
        job->matches = password_matches(job->password, job->hash);
    else
        job->code = password_hash(job->password, job->hash);
    explicit_bzero(job->password, sizeof(job->password));
}

static void finish(struct job *job)
{
    if (job->match)
        job->match_cb(job->code, job->code == 0 && job->matches, job->arg);
    else
        job->hash_cb(job->code, job->hash, job->arg);
    mem_free_secret(job, sizeof(*job));
}

static void done(uv_work_t *w, int status)
{
    struct job *job = w->data;
    queue.head = job->next;
    if (!queue.head)
        queue.tail = &queue.head;
    queue.count--;
    run_next();
    if (status < 0)
        job->code = -ECANCELED;
    finish(job);
}

/* The job at the head is the one that runs; it leaves the queue when it is done. */
static void run_next(void)
{
    if (queue.head) /* fails only without a work function */
        uv_queue_work(queue.head->loop, &queue.head->work, work, done);
}

static void start(uv_loop_t *loop, struct job *job, const char *password)
{
    memcpy(job->password, password, strlen(password) + 1);
    job->work.data = job;
    job->loop = loop;
    *queue.tail = job;
    queue.tail = &job->next;
    if (++queue.count == 1)
        run_next();
}

static int new_job(const char *password, struct job **ret)
{
    if (strlen(password) > PASSWORD_MAX)
        return -EINVAL;
    if (queue.count >= PASSWORD_JOBS_MAX)
        return -EBUSY;
    *ret = mem_calloc(1, sizeof(**ret));
    return *ret ? 0 : -ENOMEM;
}

int password_hash_async(uv_loop_t *loop, const char *password, password_hash_cb cb, void *arg)
{
    struct job *job;
    int rc = new_job(password, &job);
    if (rc < 0)
        return rc;
    job->hash_cb = cb;
    job->arg = arg;
    start(loop, job, password);
    return 0;
}

int password_match_async(uv_loop_t *loop, const char *password, const char *hash,
                         password_match_cb cb, void *arg)
{
    struct job *job;
    int rc = new_job(password, &job);
    if (rc < 0)
        return rc;
    job->match = true;
    job->match_cb = cb;
    job->arg = arg;
    snprintf(job->hash, sizeof(job->hash), "%s", hash ? hash : "");
    start(loop, job, password);
    return 0;
}
