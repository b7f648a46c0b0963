/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The listening Unix socket in the file system.
 */
#ifndef CP_CTL_LISTEN_H
#define CP_CTL_LISTEN_H

#include <stddef.h>

/* A listening stream socket at 'path', open to every user: rights are checked at each connection,
 * which is how a refused client can be told. A socket file that nobody listens on is replaced.
 * Returns the descriptor, or -1 with 'why'. */
int cp_ctl_listen(const char *path, char *why, size_t why_len);

/* Removes the file unless another process listens there by now. While this one still listens. */
void cp_ctl_unlink(const char *path);

#endif
