/*
 * The configuration file of VIX: /etc/vmware/config, and ~/.vmware/config over it. Keys:
 * vix.enableSslCertificateCheck, vix.sslCertificateFile, vix.sslCertificateDirectory; and of ours
 * inguest.state and inguest.run, the folders of this machine's host (the environment's
 * INGUEST_STATE and INGUEST_RUN come before them).
 */
#ifndef CLIENT_VIX_CONFIG_H
#define CLIENT_VIX_CONFIG_H

#include <stdbool.h>

#include "client/vix_connect.h"

struct vix_config;

/* 0 or a negative errno; files that are not there are empty. */
int vix_config_load(struct vix_config **ret);
void vix_config_free(struct vix_config *c);
/* Fills what is NULL in the options; the strings live as long as the configuration. */
void vix_config_apply(const struct vix_config *c, struct vix_connect *o);
bool vix_config_check_certificates(const struct vix_config *c);

#endif
