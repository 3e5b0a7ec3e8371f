#include "hostd/rest_guest_op.h"

#include "base/mem.h"
#include "hostd/about.h"
#include "hostd/mo.h"

void rest_bad_field(struct rest *rest, const char *field)
{
    rest_fail(rest, REST_INVALID_ARGUMENT, "com.vmware.vapi.rest.invalid_field",
              "A specified parameter was not correct: %s", field);
}

struct vim_GuestAuthentication *rest_credentials(struct rest *rest,
                                                 const struct rest_Credentials *in)
{
    if (in->type == REST_CredentialsType_SAML_BEARER_TOKEN) {
        struct vim_SAMLTokenAuthentication *saml = VIM_NEW(rest->room, SAMLTokenAuthentication);
        if (!in->saml_token) {
            rest_bad_field(rest, "credentials.saml_token");
            return NULL;
        }
        if (saml) {
            saml->interactiveSession = in->interactive_session;
            saml->token = in->saml_token;
            saml->username = in->user_name;
            return (struct vim_GuestAuthentication *)saml;
        }
    } else {
        struct vim_NamePasswordAuthentication *name =
            VIM_NEW(rest->room, NamePasswordAuthentication);
        if (!in->user_name || !in->password) {
            rest_bad_field(rest, in->user_name ? "credentials.password" : "credentials.user_name");
            return NULL;
        }
        if (name) {
            name->interactiveSession = in->interactive_session;
            name->username = in->user_name;
            name->password = in->password;
            return (struct vim_GuestAuthentication *)name;
        }
    }
    rest_no_memory(rest);
    return NULL;
}

bool rest_guest_args(struct rest *rest, const struct rest_Credentials *credentials, void *args,
                     struct vim_ref *ret_vm, struct vim_GuestAuthentication **ret_auth)
{
    if (!rest_vm(rest))
        return false;
    if (!args) {
        rest_no_memory(rest);
        return false;
    }
    struct vim_GuestAuthentication *auth = rest_credentials(rest, credentials);
    if (!auth)
        return false;
    *ret_vm = vim_ref_make("VirtualMachine", arena_strdup(rest->room, rest->vm));
    *ret_auth = auth;
    if (ret_vm->value)
        return true;
    rest_no_memory(rest);
    return false;
}

void rest_guest_call(struct rest *rest, const char *manager, const struct vim_method *method,
                     void *args,
                     void (*done)(struct rest *rest, struct call *call, const void *result))
{
    struct vim_ref root = about_ref(rest->host, "guestOperationsManager");
    struct mo *mo = root.value ? mo_find(rest->host->registry, root.value) : NULL;
    struct mo_reader reader = {rest->host, rest->session, rest->room};
    struct vim_any *value = NULL;
    if (mo && mo_get(mo, manager, &reader, &value) == 0 && value)
        rest_call(rest, method, value->v.ref, args, done);
    else
        rest_no_memory(rest);
}
