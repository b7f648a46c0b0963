/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A file in /dev/shm for a test that runs in a child, gone after it however the child ends: by a
 * crash, by the kernel when memory runs out, or by a signal to either process. SIGKILL to the
 * parent alone leaves it.
 */
#ifndef SHM_FILE_H
#define SHM_FILE_H

#include <stdint.h>

/* Makes an empty file, named after 'name', and runs 'test' in a child. What it returned, or 1 and a
 * word on standard error. */
int shm_file_run(const char *name, int (*test)(const char *path));

/* Bytes that files in /dev/shm may still take. */
uint64_t shm_file_room(void);

#endif
