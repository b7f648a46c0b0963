/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The directory of an instance's sockets and files, and the lock that lets one process have it.
 */
#ifndef DP_RUN_DIR_H
#define DP_RUN_DIR_H

#include <sys/types.h>

/* Makes the directory if it is missing (writable for 'gid', sticky; (gid_t)-1: for its owner
 * alone), and takes its lock. The descriptor that holds the lock until it is closed; -EBUSY if
 * another process has it; -errno. What is wrong is logged. */
int dp_run_dir_lock(const char *dir, gid_t gid);

/* The process that has the lock, 0 if nobody has it or the directory is not there, -errno. */
pid_t dp_run_dir_owner(const char *dir);

/* The group of this name into '*gid'. An empty name: 'preset' if it exists, else (gid_t)-1. 0 or
 * -ENOENT, after having logged that there is none. */
int dp_run_dir_group(const char *name, const char *preset, gid_t *gid);

#endif
