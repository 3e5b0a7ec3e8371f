/*
 * Which resources a VM may have: two lists of regular expressions, `grant` tried before `deny`, the
 * first match decides, no match allows (GuestStore protocol, access rules).
 *
 * A list is rules separated by ';', blanks around each are not part of it, empty ones do not count.
 * A rule is a PCRE2 pattern over bytes, case-sensitive, that must match the whole path. Matching is
 * bounded in steps, depth, memory and time: a rule that needs more than that, or that does not
 * compile, is broken, and a broken rule denies everything that it would have had to decide. One
 * that does not compile denies all requests, since nobody knows what it was to protect.
 * The owner is whoever made it. Pure; any thread, one at a time.
 */
#ifndef GSTORED_RULES_H
#define GSTORED_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define RULES_TEXT_MAX    16384u  /* bytes of one list */
#define RULES_COUNT_MAX   128u    /* rules of one list */
#define RULES_MATCH_LIMIT 200000u /* steps of one rule on one path */
#define RULES_DEPTH_LIMIT 2000u
#define RULES_HEAP_KIB    1024u
#define RULES_MS          50u /* for all rules on one path */
#define RULES_REASON_MAX  256

struct rules;

/* NULL and "" are lists without rules. -ENOMEM only: lists that are broken make rules that deny;
 * rules_problem says why. */
int rules_new(const char *grant, const char *deny, struct rules **ret);
void rules_free(struct rules *r); /* NULL is fine */

/* What is wrong with them; NULL when nothing is. */
const char *rules_problem(const struct rules *r);

/* May a VM with these rules have the path? `reason` gets what decided: "grant 1 (.*)", "deny 2
 * (...)", "default", or what is broken. */
bool rules_allow(struct rules *r, const void *path, size_t len, char reason[RULES_REASON_MAX]);

#endif
