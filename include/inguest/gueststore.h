/*
 * libguestStoreClient.so.0: fetches content that the host's administrator offers to guests, through
 * the guest agent; no network is needed. The interface is the published one, so that programs made
 * for VMware's library run with this one and the reverse.
 *
 *     if (GuestStore_Init() == GSLIBERR_SUCCESS) {
 *         err = GuestStore_GetContent("/example/bar", "/tmp/bar", NULL, NULL, NULL, NULL);
 *         GuestStore_DeInit();
 *     }
 *
 * Threads: any; each call has a connection of its own, and the agent serves one connection after
 * the other. A call waits as long as the agent keeps the connection.
 *
 * After an error there is no output file; only a file that existed before is left alone when the
 * error came before the first byte of content. An output that is not a regular file (a pipe, a
 * device) is written to and never removed. errno is what it was at the first failure.
 *
 * Source: GuestStore, "Client library API" and "How the client reads a response".
 */
#ifndef INGUEST_GUESTSTORE_H
#define INGUEST_GUESTSTORE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Result, text for people. GENERIC, NOT_ENOUGH_MEMORY and CHECKSUM do not come from GetContent. */
/* clang-format off */
#define GUESTSTORE_LIB_ERR_LIST(item)                                         \
    item(GSLIBERR_SUCCESS, "Success")                                         \
    item(GSLIBERR_GENERIC, "Generic error")                                   \
    item(GSLIBERR_TLS, "TLS error")                                           \
    item(GSLIBERR_NOT_INITIALIZED, "Not initialized")                         \
    item(GSLIBERR_INVALID_PARAMETER, "Invalid parameter")                     \
    item(GSLIBERR_NOT_ENOUGH_MEMORY, "Not enough memory")                     \
    item(GSLIBERR_CREATE_OUTPUT_FILE, "Create output file error")             \
    item(GSLIBERR_WRITE_OUTPUT_FILE, "Write output file error")               \
    item(GSLIBERR_CONNECT_GENERIC, "Connect generic error")                   \
    item(GSLIBERR_CONNECT_SERVICE_NOT_RUNNING, "Connect service not running") \
    item(GSLIBERR_CONNECT_PERMISSION_DENIED, "Connect permission denied")     \
    item(GSLIBERR_CONNECT_SECURITY_VIOLATION, "Connect security violation")   \
    item(GSLIBERR_CONNECT_PEER_RESET, "Connect peer reset")                   \
    item(GSLIBERR_SEND, "Send error")                                         \
    item(GSLIBERR_RECV, "Receive error")                                      \
    item(GSLIBERR_CONTENT_FORBIDDEN, "Content forbidden")                     \
    item(GSLIBERR_CONTENT_NOT_FOUND, "Content not found")                     \
    item(GSLIBERR_SERVER, "Server error")                                     \
    item(GSLIBERR_CANCELLED, "Cancelled")                                     \
    item(GSLIBERR_CHECKSUM, "Checksum error")
/* clang-format on */

#define GUESTSTORE_LIB_ERR_ENUM(symbol, text) symbol,
typedef enum {
    GUESTSTORE_LIB_ERR_LIST(GUESTSTORE_LIB_ERR_ENUM) GUESTSTORE_LIB_ERR_MAX
} GuestStoreLibError;
#undef GUESTSTORE_LIB_ERR_ENUM

typedef enum {
    GSLIBLOGLEVEL_ERROR = 1,
    GSLIBLOGLEVEL_WARNING,
    GSLIBLOGLEVEL_INFO,
    GSLIBLOGLEVEL_DEBUG,
} GuestStoreLibLogLevel;

/* `message` begins with "[guestStoreClientLib] " and has at most 1023 bytes. */
typedef void (*GuestStore_Logger)(GuestStoreLibLogLevel level, const char *message,
                                  void *clientData);
/* Memory is exhausted. Not expected to return; if it does, the process ends with exit(-1). */
typedef void (*GuestStore_Panic)(const char *message, void *clientData);
/* After each piece that was written, and again when a signal interrupts the wait for the next one.
 * Both numbers are bytes; never called for an empty resource. 0 stops the transfer: the result is
 * GSLIBERR_CANCELLED and the output is removed. */
typedef char (*GuestStore_GetContentCallback)(int64_t contentSize, int64_t contentBytesReceived,
                                              void *clientData);

/* Counts its calls; every one wants its GuestStore_DeInit(), which gives GSLIBERR_NOT_INITIALIZED
 * for one too many. */
GuestStoreLibError GuestStore_Init(void);
GuestStoreLibError GuestStore_DeInit(void);

/* Fetches `contentPath` (begins with '/', at most 1024 bytes, no control bytes; with a slash at the
 * end: metadata.json of that folder) into the file `outputPath`. One that is not there yet
 * appears when it is whole, where the file system can do that. The callbacks and clientData may
 * be NULL. */
GuestStoreLibError GuestStore_GetContent(const char *contentPath, const char *outputPath,
                                         GuestStore_Logger logger, GuestStore_Panic panic,
                                         GuestStore_GetContentCallback getContentCb,
                                         void *clientData);

#ifdef __cplusplus
}
#endif

#endif
