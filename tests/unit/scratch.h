// SPDX-License-Identifier: Apache-2.0
/* A place for a test's files, and ways to make writing fail. */
#ifndef CM_TESTS_UNIT_SCRATCH_H
#define CM_TESTS_UNIT_SCRATCH_H

#include <stddef.h>

extern char scratch_folder[64]; /* "" until the first call */

/* "<a fresh folder>/name"; the folder is this process's, one test's, and is removed by scratch_done. One of
 * eight places is given in turn. */
const char *scratch(const char *name);

/* How many files the folder holds, hidden ones too: after a failed write it must be as many as before. */
size_t scratch_files(void);
void scratch_write(const char *name, const void *data, size_t bytes);
void scratch_done(void);

/* A file's bytes, at most `room` of them; a file that is not there fails the test. */
size_t read_file(const char *path, unsigned char *bytes, size_t room);

/* From now on no file of this process grows beyond `bytes`: a full disk. */
void limit_files(size_t bytes);
void unlimit_files(void);

#endif
