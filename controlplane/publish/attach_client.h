/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The control plane's side of the handshake (lb/attach.h), and the three segments it is given:
 * every size, number and seal is checked before anything is used.
 */
#ifndef CP_ATTACH_CLIENT_H
#define CP_ATTACH_CLIENT_H

#include "lb/attach.h"
#include "lb/counters.h"
#include "lb/msg.h"

struct cp_attachment {
	uint8_t *tables; /* read-write */
	const struct lb_stats *stats;
	struct lb_rings *rings; /* read-write */
	uint64_t tables_size, stats_size, rings_size;
	/* Copies, checked against the sizes. */
	uint32_t nb_workers, nb_consumers, max_targets, max_listeners;
	uint64_t session;
	int32_t dataplane_pid;
};

/* Connects without waiting and sends the request. The descriptor, owned by the caller, or -errno
 * with 'why' saying what is wrong and what would be right. */
int cp_attach_connect(const char *path, char *why, size_t why_len);

/* Reads the reply from 'fd' without waiting and maps the segments. 0; -EAGAIN when it has not come
 * yet; otherwise -errno with 'why', and nothing is held. */
int cp_attach_receive(int fd, struct cp_attachment *attachment, char *why, size_t why_len);

/* Unmaps. */
void cp_attach_fini(struct cp_attachment *attachment);

#endif
