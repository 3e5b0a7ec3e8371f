#include "gstored/rules.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define NEST_LIMIT 50u /* parentheses within parentheses */
/* No UTF mode, which paths (any bytes) could break; no newline conventions to think about. */
#define OPTIONS                                                                                   \
    (PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | \
     PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C)

struct rule {
    pcre2_code *code;
    char *text;
};

struct rule_list {
    const char *name;
    struct rule *items;
    unsigned count;
};

struct rules {
    struct rule_list grant, deny;
    pcre2_match_context *limits;
    pcre2_match_data *data;
    char *problem;
};

static int add(struct rules *r, struct rule_list *list, pcre2_compile_context *context,
               const char *text, size_t len)
{
    struct rule *rule = &list->items[list->count];
    int code = 0;
    PCRE2_SIZE at = 0;

    rule->text = mem_strndup(text, len);
    if (!rule->text)
        return -ENOMEM;
    list->count++;
    rule->code = pcre2_compile((PCRE2_SPTR)text, len, OPTIONS, &code, &at, context);
    if (!rule->code && !r->problem) {
        PCRE2_UCHAR why[128] = "";

        pcre2_get_error_message(code, why, sizeof(why));
        r->problem = mem_printf("%s rule %u (%s) does not compile: %s at %zu", list->name,
                                list->count, rule->text, (const char *)why, (size_t)at);
        if (!r->problem)
            return -ENOMEM;
    }
    return 0;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int parse(struct rules *r, struct rule_list *list, pcre2_compile_context *context,
                 const char *text)
{
    size_t left = text ? strnlen(text, RULES_TEXT_MAX + 1) : 0;
    int rc = 0;

    if (left > RULES_TEXT_MAX) {
        r->problem =
            mem_printf("the %s rules are longer than %u bytes", list->name, RULES_TEXT_MAX);
        return r->problem ? 0 : -ENOMEM;
    }
    list->items = mem_calloc(RULES_COUNT_MAX, sizeof(*list->items));
    if (!list->items)
        return -ENOMEM;
    while (rc == 0 && left) {
        const char *semicolon = memchr(text, ';', left);
        size_t whole = semicolon ? (size_t)(semicolon - text) : left, len = whole;
        const char *start = text;

        text += semicolon ? whole + 1 : whole;
        left -= semicolon ? whole + 1 : whole;
        while (len && blank(start[0])) {
            start++;
            len--;
        }
        while (len && blank(start[len - 1]))
            len--;
        if (!len)
            continue;
        if (list->count == RULES_COUNT_MAX) {
            if (!r->problem)
                r->problem =
                    mem_printf("there are more than %u %s rules", RULES_COUNT_MAX, list->name);
            return r->problem ? 0 : -ENOMEM;
        }
        rc = add(r, list, context, start, len);
    }
    return rc;
}

int rules_new(const char *grant, const char *deny, struct rules **ret)
{
    struct rules *r = mem_calloc(1, sizeof(*r));
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    int rc = -ENOMEM;

    if (r) {
        r->grant.name = "grant";
        r->deny.name = "deny";
        r->limits = pcre2_match_context_create(NULL);
        r->data = pcre2_match_data_create(1, NULL);
    }
    if (r && context && r->limits && r->data) {
        pcre2_set_parens_nest_limit(context, NEST_LIMIT);
        pcre2_set_match_limit(r->limits, RULES_MATCH_LIMIT);
        pcre2_set_depth_limit(r->limits, RULES_DEPTH_LIMIT);
        pcre2_set_heap_limit(r->limits, RULES_HEAP_KIB);
        rc = parse(r, &r->grant, context, grant);
        if (rc == 0)
            rc = parse(r, &r->deny, context, deny);
    }
    pcre2_compile_context_free(context);
    if (rc < 0)
        rules_free(r);
    else
        *ret = r;
    return rc;
}

static void free_list(struct rule_list *list)
{
    for (unsigned i = 0; i < list->count; i++) {
        pcre2_code_free(list->items[i].code);
        mem_free(list->items[i].text);
    }
    mem_free(list->items);
}

void rules_free(struct rules *r)
{
    if (!r)
        return;
    free_list(&r->grant);
    free_list(&r->deny);
    pcre2_match_context_free(r->limits);
    pcre2_match_data_free(r->data);
    mem_free(r->problem);
    mem_free(r);
}

const char *rules_problem(const struct rules *r)
{
    return r->problem;
}

/* 1: a rule matches, 0: none does, -1: it cannot be told; `reason` says which and why. */
static int search(struct rules *r, const struct rule_list *list, const void *path, size_t len,
                  uint64_t until, char reason[RULES_REASON_MAX])
{
    for (unsigned i = 0; i < list->count; i++) {
        int rc = clock_ms() > until
                     ? PCRE2_ERROR_MATCHLIMIT
                     : pcre2_match(list->items[i].code, path, len, 0, 0, r->data, r->limits);

        if (rc == PCRE2_ERROR_NOMATCH)
            continue;
        snprintf(reason, RULES_REASON_MAX, "%s %u (%.200s)%s", list->name, i + 1,
                 list->items[i].text, rc >= 0 ? "" : " takes too long on this path");
        return rc >= 0 ? 1 : -1;
    }
    return 0;
}

bool rules_allow(struct rules *r, const void *path, size_t len, char reason[RULES_REASON_MAX])
{
    uint64_t until = clock_ms() + RULES_MS;

    if (r->problem) {
        snprintf(reason, RULES_REASON_MAX, "broken: %.240s", r->problem);
        return false;
    }
    int granted = search(r, &r->grant, path, len, until, reason);
    if (granted)
        return granted > 0;
    if (search(r, &r->deny, path, len, until, reason))
        return false;
    snprintf(reason, RULES_REASON_MAX, "default");
    return true;
}
