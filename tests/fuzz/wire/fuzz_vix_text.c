/* Result text of an agent, read as each of the lists. Strings stay within the arena's cap. */
#include "fuzz_wire.h"

#include "base/arena.h"
#include "base/buf.h"
#include "wire/vix_text.h"

static void put_and_read_back(const struct vix_file_info *f)
{
    AUTO_ARENA struct arena a = ARENA_INIT(4u << 20);
    AUTO_BUF struct buf b = BUF_INIT(4u << 20);
    struct vix_file_info back;
    struct vix_text t;

    MUST(!vix_text_put_file(&b, f));
    vix_text_begin(&t, buf_text(&b), b.len, true);
    MUST(vix_text_next_file(&t, &a, &back) == 1);
    MUST(!strcmp(back.name, f->name) && !strcmp(back.target, f->target));
    MUST(back.size == f->size && back.flags == f->flags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1u << 20);
    struct vix_process_info p;
    struct vix_filesystem fs;
    struct vix_chunk_head chunk;
    struct vix_list_head head;
    struct vix_file_info f;
    struct vix_text t;
    const char *env;

    for (int always = 0; always < 2; always++) {
        vix_text_begin(&t, data, size, always);
        vix_text_chunk_head(&t, &chunk);
        while (vix_text_next_process(&t, &a, &p) == 1)
            MUST(p.name && p.user);
        vix_text_begin(&t, data, size, always);
        vix_text_list_head(&t, &head);
        while (vix_text_next_file(&t, &a, &f) == 1)
            put_and_read_back(&f);
        vix_text_begin(&t, data, size, always);
        while (vix_text_next_file_old(&t, &a, &f) == 1)
            MUST(f.name);
        vix_text_begin(&t, data, size, always);
        while (vix_text_next_env(&t, &a, &env) == 1)
            MUST(env);
        vix_text_begin(&t, data, size, always);
        while (vix_text_next_filesystem(&t, &a, &fs) == 1)
            MUST(fs.name && fs.type);
    }
    return 0;
}
