/* A vmx that a test scripts: listens where hostd looks for one and speaks the control protocol. */
#ifndef TEST_HOSTD_FAKE_VMX_H
#define TEST_HOSTD_FAKE_VMX_H

#include <jansson.h>

#include "base/channel.h"
#include "fixture.h"

struct fake_vmx {
    struct fixture *f;
    uv_poll_t listener;
    int fd;
    struct channel *channel;
    const char *power; /* what hello says, and what the power operation changes */
    json_t *config;    /* what hello says */
    int fail_power;    /* errno value that power operations are answered with; 0 = they work */
    char last_op[32], last_action[32];
    int requests;
};

/* For the VM with this id, before hostd attaches. */
void fake_vmx_start(struct fake_vmx *v, struct fixture *f, const char *id);
/* Sends an event; takes the reference. */
void fake_vmx_event(struct fake_vmx *v, json_t *event);
void fake_vmx_stop(struct fake_vmx *v);

#endif
