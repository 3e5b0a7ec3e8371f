/* The name pattern of a listing: a Perl-style regular expression, searched anywhere in the name. */
#ifndef GUEST_NAME_MATCH_H
#define GUEST_NAME_MATCH_H

/* What one name may cost; a pattern that needs more is refused, not left to spin. */
#define NAME_MATCH_STEPS_MAX 200000u
#define NAME_MATCH_DEPTH_MAX 2000u

struct name_match {
    void *code, *data, *context; /* NULL = everything matches */
};

/* "" matches everything. -EINVAL: not a valid expression. */
int name_match_init(struct name_match *m, const char *pattern);
void name_match_free(struct name_match *m);

/* 1 matches, 0 does not, -EINVAL the pattern takes too much work. `name` is valid UTF-8. */
int name_match_test(const struct name_match *m, const char *name);

#endif
