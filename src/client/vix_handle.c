/*
 * Handles: an index into a table, and a generation that makes a dead handle differ from the next
 * one in the same place. Free places are used in turn, the longest unused first.
 */
#include "client/vix_impl.h"

#define INDEX_BITS      16
#define GENERATION_MASK 0x7fffu /* handles stay positive */
#define TABLE_GROWTH    64u

struct slot {
    struct vix_object *object; /* NULL: free */
    unsigned references;       /* the application's */
    unsigned generation;
    unsigned next_free;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot *slots; /* [0] is not used: handle 0 is none */
static unsigned slot_count;
static unsigned open_count;
static unsigned first_free, last_free; /* 0: none */

__attribute__((destructor)) static void free_table(void)
{
    /* With handles open a worker may still be at its last job. */
    pthread_mutex_lock(&lock);
    if (!open_count) {
        mem_free(slots);
        slots = NULL;
        slot_count = 0;
        first_free = last_free = 0;
    }
    pthread_mutex_unlock(&lock);
}

void *vix_object_new(size_t size, VixHandleType type, struct vix_session *session,
                     void (*destroy)(struct vix_object *o))
{
    struct vix_object *o = mem_calloc(1, size);

    if (!o)
        return NULL;
    o->type = type;
    o->session = session;
    o->destroy = destroy;
    atomic_init(&o->refs, 1);
    if (session)
        vix_session_use(session);
    return o;
}

void vix_object_ref(struct vix_object *o)
{
    atomic_fetch_add(&o->refs, 1);
}

void vix_object_unref(struct vix_object *o)
{
    struct vix_session *session;

    if (!o || atomic_fetch_sub(&o->refs, 1) != 1)
        return;
    session = o->session;
    if (o->destroy)
        o->destroy(o);
    mem_free(o);
    if (session)
        vix_session_unuse(session);
}

static void put_free(unsigned i)
{
    slots[i].next_free = 0;
    if (last_free)
        slots[last_free].next_free = i;
    else
        first_free = i;
    last_free = i;
}

/* Keeps some places free, so that none is used again soon. */
static int grow(void)
{
    unsigned count = slot_count ? slot_count * 2 : TABLE_GROWTH;
    struct slot *more;

    if (count > VIX_HANDLES_MAX + 1)
        count = VIX_HANDLES_MAX + 1;
    if (count == slot_count)
        return first_free ? 0 : -1;
    more = mem_realloc(slots, count * sizeof(*slots));
    if (!more)
        return first_free ? 0 : -1;
    slots = more;
    for (unsigned i = slot_count; i < count; i++) {
        slots[i] = (struct slot){0};
        if (i)
            put_free(i);
    }
    slot_count = count;
    return 0;
}

VixError vix_handle_new(struct vix_object *o, VixHandle *ret)
{
    unsigned i;

    pthread_mutex_lock(&lock);
    if ((open_count + 1) * 2 > slot_count && grow()) {
        pthread_mutex_unlock(&lock);
        vix_object_unref(o);
        return VIX_E_TOO_MANY_HANDLES;
    }
    i = first_free;
    first_free = slots[i].next_free;
    if (!first_free)
        last_free = 0;
    slots[i].object = o;
    slots[i].references = 1;
    slots[i].generation = (slots[i].generation + 1) & GENERATION_MASK;
    open_count++;
    o->handle = *ret = (VixHandle)(slots[i].generation << INDEX_BITS | i);
    pthread_mutex_unlock(&lock);
    return VIX_OK;
}

/* Under the lock. */
static struct slot *find(VixHandle handle)
{
    unsigned i = (unsigned)handle & ((1u << INDEX_BITS) - 1);

    if (handle <= 0 || !i || i >= slot_count || !slots[i].object ||
        slots[i].generation != (unsigned)handle >> INDEX_BITS)
        return NULL;
    return &slots[i];
}

/* Under the lock; the object is the caller's to unref. */
static struct vix_object *clear_slot(struct slot *s)
{
    struct vix_object *o = s->object;

    s->object = NULL;
    open_count--;
    put_free((unsigned)(s - slots));
    return o;
}

VixError vix_handle_get(VixHandle handle, VixHandleType type, struct vix_object **ret)
{
    VixError error = VIX_OK;
    struct slot *s;

    pthread_mutex_lock(&lock);
    s = find(handle);
    if (!s)
        error = VIX_E_INVALID_HANDLE;
    else if (type != VIX_HANDLETYPE_NONE && s->object->type != type)
        error = VIX_E_NOT_SUPPORTED_ON_HANDLE_TYPE;
    else
        vix_object_ref(*ret = s->object);
    pthread_mutex_unlock(&lock);
    return error;
}

void vix_handle_end_session(const struct vix_session *session)
{
    for (unsigned i = 1;; i++) {
        struct vix_object *o = NULL;

        pthread_mutex_lock(&lock);
        if (i >= slot_count) {
            pthread_mutex_unlock(&lock);
            return;
        }
        if (slots[i].object && slots[i].object->session == session &&
            (slots[i].object->type == VIX_HANDLETYPE_HOST ||
             slots[i].object->type == VIX_HANDLETYPE_VM ||
             slots[i].object->type == VIX_HANDLETYPE_SNAPSHOT))
            o = clear_slot(&slots[i]);
        pthread_mutex_unlock(&lock);
        vix_object_unref(o);
    }
}

void Vix_AddRefHandle(VixHandle handle)
{
    struct slot *s;

    pthread_mutex_lock(&lock);
    s = find(handle);
    if (s)
        s->references++;
    pthread_mutex_unlock(&lock);
}

void Vix_ReleaseHandle(VixHandle handle)
{
    struct vix_object *o = NULL;
    struct slot *s;

    pthread_mutex_lock(&lock);
    s = find(handle);
    if (s && !--s->references)
        o = clear_slot(s);
    pthread_mutex_unlock(&lock);
    vix_object_unref(o);
}

VixHandleType Vix_GetHandleType(VixHandle handle)
{
    VixHandleType type = VIX_HANDLETYPE_NONE;
    struct slot *s;

    pthread_mutex_lock(&lock);
    s = find(handle);
    if (s)
        type = s->object->type;
    pthread_mutex_unlock(&lock);
    return type;
}
