#include "guest/auth_pam.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#ifdef HAVE_PAM
#include <security/pam_appl.h>
#include <stdlib.h>

/* PAM modules free the answers with free(3), so these come from malloc(3) itself. */
static int converse(int count, const struct pam_message **messages, struct pam_response **ret,
                    void *arg)
{
    struct pam_response *answers;

    if (count < 1 || count > PAM_MAX_NUM_MSG)
        return PAM_CONV_ERR;
    answers = calloc((size_t)count, sizeof(*answers));
    if (!answers)
        return PAM_BUF_ERR;
    for (int i = 0; i < count; i++) {
        /* A visible prompt would be a second factor; nobody is there to answer it. */
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
            goto fail;
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF) {
            answers[i].resp = strdup(arg);
            if (!answers[i].resp)
                goto fail;
        }
    }
    *ret = answers;
    return PAM_SUCCESS;
fail:
    for (int i = 0; i < count; i++)
        if (answers[i].resp) {
            explicit_bzero(answers[i].resp, strlen(answers[i].resp));
            free(answers[i].resp);
        }
    free(answers);
    return PAM_CONV_ERR;
}

/* The monitor slows down failed logins itself, without holding anybody else up. */
static void no_delay(int status, unsigned delay_us, void *arg)
{
    (void)status;
    (void)delay_us;
    (void)arg;
}

static int to_errno(int status)
{
    switch (status) {
    case PAM_SUCCESS:
        return 0;
    case PAM_BUF_ERR:
        return -ENOMEM;
    case PAM_SYSTEM_ERR:
    case PAM_SERVICE_ERR:
    case PAM_OPEN_ERR:
    case PAM_SYMBOL_ERR:
    case PAM_AUTHINFO_UNAVAIL:
        return -EIO;
    default:
        return -EACCES;
    }
}

int auth_pam_check(const char *service, const char *user, const char *password, char *ret_user,
                   size_t size, struct error *err)
{
    AUTO_FREE char *secret = mem_strdup(password);
    struct pam_conv conv = {converse, secret};
    pam_handle_t *pam = NULL;
    const void *item = NULL;
    int status, r;

    if (!secret)
        return error_set(err, -ENOMEM, "out of memory");
    status = pam_start(service, user, &conv, &pam);
    if (status != PAM_SUCCESS) {
        explicit_bzero(secret, strlen(secret));
        return error_set(err, -EIO, "PAM service %s cannot be started", service);
    }
    pam_set_item(pam, PAM_FAIL_DELAY, (const void *)no_delay);
    status = pam_authenticate(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    if (status == PAM_SUCCESS)
        status = pam_acct_mgmt(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    r = to_errno(status);
    if (r < 0)
        error_set(err, r, "PAM service %s: %s", service, pam_strerror(pam, status));
    else if (pam_get_item(pam, PAM_USER, &item) != PAM_SUCCESS || !item || !*(const char *)item)
        r = error_set(err, -EIO, "PAM service %s lost the user's name", service);
    else if ((size_t)snprintf(ret_user, size, "%s", (const char *)item) >= size)
        r = error_set(err, -ENAMETOOLONG, "PAM service %s gave a name that is too long", service);
    pam_end(pam, status);
    explicit_bzero(secret, strlen(secret));
    return r;
}

int auth_pam_has_service(const char *service)
{
    static const char *const folders[] = {"/etc/pam.d", "/usr/lib/pam.d"};

    /* The name is ours or the administrator's, but it must stay a name. */
    if (!*service || strchr(service, '/') || service[0] == '.')
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        AUTO_FREE char *path = mem_printf("%s/%s", folders[i], service);

        if (path && access(path, R_OK) == 0)
            return 1;
    }
    return 0;
}

#else

int auth_pam_has_service(const char *service)
{
    (void)service;
    return 0;
}

int auth_pam_check(const char *service, const char *user, const char *password, char *ret_user,
                   size_t size, struct error *err)
{
    (void)user;
    (void)password;
    (void)ret_user;
    (void)size;
    return error_set(err, -ENOTSUP, "built without PAM (service %s)", service);
}

#endif
