// SPDX-License-Identifier: Apache-2.0
/* Status: how a function says that it failed, and why.
 *
 * Everything that can fail returns cm_status; results go through out-parameters,
 * last, untouched on failure. The reason is written once, where it is known:
 *
 *     return cm_fail(CM_EFORMAT, "%s: not a PNG", path);
 *
 * and kept for this thread, as one line (control characters become '?'); cm_why()
 * reads it. Only the command line prints.
 */
#ifndef CM_CORE_BASE_STATUS_H
#define CM_CORE_BASE_STATUS_H

typedef enum cm_status {
    CM_OK = 0,
    CM_EIO = -1,     /* the system refused: open, read, write, full disk */
    CM_EFORMAT = -2, /* a file or text is not what it should be */
    CM_EUSAGE = -3,  /* a request that makes no sense: unknown name, bad size */
    CM_ENOMEM = -4,
    CM_EUNAVAILABLE = -5, /* not built, no such device, an operation a backend lacks */
    CM_EUNDEFINED = -6,   /* no value exists: too few samples, a NaN */
    CM_EINTERRUPTED = -7  /* stopped by the user; what was finished is kept */
} cm_status;

/* Stores the reason for this thread and returns s. */
cm_status cm_fail(cm_status s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "prefix: " before this thread's reason and returns s (to say which file or which layer). */
cm_status cm_fail_in(cm_status s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The reason of this thread's last failure; "" if there was none. Borrowed until the next failure. */
const char *cm_why(void);

#define CM_TRY(call)                                                                                                   \
    do {                                                                                                               \
        const cm_status cm_try_status = (call);                                                                        \
        if (cm_try_status != CM_OK) return cm_try_status;                                                              \
    } while (0)

#endif
