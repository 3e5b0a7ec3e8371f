/* Names of the API in REST's spelling. */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "hostd/rest.h"

#define NAME_SIZE 96

/* Does a word begin at p[i]? Before a number, and before a capital that ends a row of them or
 * follows a small letter: "OpenVMTools" is open, VM, tools. */
static bool word_begins(const char *p, size_t i)
{
    unsigned char before = (unsigned char)p[i - 1];
    unsigned char c = (unsigned char)p[i];
    if (isdigit(c))
        return isalpha(before);
    if (!isupper(c))
        return false;
    return !isupper(before) || islower((unsigned char)p[i + 1]);
}

static void upper_words(const char *name, char ret[NAME_SIZE])
{
    size_t n = 0;
    for (size_t i = 0; name[i] && n + 2 < NAME_SIZE; i++) {
        if (i && n && ret[n - 1] != '_' && word_begins(name, i))
            ret[n++] = '_';
        ret[n++] = (char)toupper((unsigned char)name[i]);
    }
    ret[n] = '\0';
}

int rest_enum(const struct vim_type *type, const char *prefix, const char *name)
{
    char upper[NAME_SIZE];
    if (!name || strncmp(name, prefix, strlen(prefix)) != 0)
        return 0;
    upper_words(name + strlen(prefix), upper);
    return vim_enum_find(type, upper);
}

enum rest_PowerState rest_power_state(int vim_power_state)
{
    static const enum rest_PowerState states[] = {
        [VIM_VirtualMachinePowerState_poweredOff] = REST_PowerState_POWERED_OFF,
        [VIM_VirtualMachinePowerState_poweredOn] = REST_PowerState_POWERED_ON,
        [VIM_VirtualMachinePowerState_suspended] = REST_PowerState_SUSPENDED,
    };
    return vim_power_state > 0 && (size_t)vim_power_state < ARRAY_SIZE(states)
               ? states[vim_power_state]
               : REST_PowerState_POWERED_OFF;
}

const char *rest_guest_os(struct arena *a, const char *guest_id)
{
    static const struct {
        const char *id, *os;
    } irregular[] = {
        {"windows2019srv_64Guest", "WINDOWS_SERVER_2019"},
        {"windows2019srvNext_64Guest", "WINDOWS_SERVER_2021"},
    };
    char plain[NAME_SIZE] = "";
    char upper[NAME_SIZE];
    for (size_t i = 0; guest_id && i < ARRAY_SIZE(irregular); i++)
        if (strcmp(irregular[i].id, guest_id) == 0)
            return irregular[i].os;
    if (!guest_id || strlen(guest_id) >= sizeof(plain))
        return "OTHER";
    memcpy(plain, guest_id, strlen(guest_id) + 1);
    char *guest = strstr(plain, "Guest");
    if (guest) /* "otherGuest64" too */
        memmove(guest, guest + 5, strlen(guest + 5) + 1);
    upper_words(plain, upper);
    return upper[0] ? arena_strdup(a, upper) : "OTHER";
}
