// SPDX-License-Identifier: Apache-2.0
/* The clock, memory in use, files, signals, the CPU: what the system knows. */
#ifndef CM_CORE_BASE_SYSTEM_H
#define CM_CORE_BASE_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "core/base/arena.h"

double cm_now(void);            /* seconds, monotonic */
double cm_peak_rss_mb(void);    /* of this process so far */
double cm_rss_mb(void);         /* now */
void cm_iso_time(char out[32]); /* 2026-01-02T03:04:05Z */

typedef struct cm_cpu {
    char model[96], features[160]; /* "avx2 fma f16c avx512f ..." */
    bool avx2, fma, f16c, avx512f, avx512bf16, avx512vnni, amx_bf16, amx_int8;
    int cores;
} cm_cpu;
const cm_cpu *cm_cpu_get(void);

/* SHA-256 (OpenSSL's libcrypto) as 64 hex digits */
typedef struct cm_sha cm_sha;
cm_sha *cm_sha_begin(void);
void cm_sha_add(cm_sha *h, const void *data, size_t bytes);
void cm_sha_end(cm_sha **h, char out[65]);
cm_status cm_sha_file(const char *path, char out[65]);

bool cm_path_exists(const char *path);
bool cm_path_is_dir(const char *path);
int64_t cm_file_size(const char *path);   /* bytes of a regular file; -1: there is none */
cm_status cm_make_dirs(const char *path); /* like mkdir -p */
cm_status cm_read_text(const char *path, size_t max_bytes, cm_arena *out, char **text, size_t *length);
/* A file written under a temporary name beside it: finish syncs it and gives it its name, drop removes it.
 *
 * The temporary name is new and cannot be guessed, and no link is followed to it, so that nothing of another user's is
 * written over. A file that is replaced keeps its mode and, where the system allows, its owner. While it is open the
 * temporary file is locked: cm_parts_clean removes what killed runs left without touching what is being written.
 * A path that is there and is no regular file (a pipe, /dev/stdout) is written directly. */
typedef struct cm_part {
    FILE *file;
    char *path, *part; /* part: NULL when written directly; another program may write it by that name before finish */
} cm_part;
cm_status cm_part_open(cm_part *p, const char *path);
cm_status cm_part_finish(cm_part *p); /* on failure it is dropped */
void cm_part_drop(cm_part *p);        /* fine after finish, and on a cleared struct */

/* Removes the temporary files that killed runs left in a folder; one that is still being written stays. */
void cm_parts_clean(const char *folder);

/* A whole file, the same way; nothing is left on failure. */
cm_status cm_write_whole(const char *path, const void *data, size_t bytes);

/* A name beside `path` that nothing has and nobody guesses, for a folder that gets its own name when it is whole.
 * Lives in `out`; NULL: no memory, which `out` then says. */
char *cm_name_beside(const char *path, cm_arena *out);

/* Ctrl-C, SIGTERM and SIGHUP ask politely: long loops check cm_interrupted, save, and return CM_EINTERRUPTED. A second
 * signal ends the program at once. So does the first one after most of a second, with exit status 128 + its number:
 * what is finished is in files by then, and temporary files are removed. SIGHUP that was ignored (nohup) stays ignored.
 */
void cm_catch_signals(void);
void cm_signals_wait(void);      /* no end after a second: for what must save first, however long that takes */
void cm_signals_hold(bool hold); /* meanwhile cm_interrupted says no: while that is saved */
bool cm_interrupted(void);
int cm_signal_caught(void); /* its number; 0: none */

/* A file that is removed when a signal ends the program at once. path: the caller's, unchanged until cm_keep_file,
 * which says whether it may be freed (false: the program is just ending). */
void cm_remove_at_end(char *path);
bool cm_keep_file(char *path);

/* The process group that is killed then, too; 0: none. */
void cm_kill_group_at_end(pid_t leader);

#endif
