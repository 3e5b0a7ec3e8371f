/*
 * What this agent says it is. (Guest RPC protocol, "Version and type".)
 */
#ifndef GUEST_VERSION_H
#define GUEST_VERSION_H

#define TOOLBOX_VERSION "0.1.0"
/* The release of open-vm-tools whose behaviour this agent follows, 12.3.5: clients decide by it
 * what they may ask for. major * 1024 + minor * 32 + base. */
#define TOOLBOX_LEVEL      12389u
#define TOOLBOX_LEVEL_TEXT "12.3.5"
/* 4: open-vm-tools; the host shows it as guest-managed. */
#define TOOLBOX_TYPE 4

#endif
