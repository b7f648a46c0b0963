/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the control plane sees of a dataplane: three segments, a socket, and consumers that run what
 * they are told, from a thread of their own.
 */
#ifndef DATAPLANE_STANDIN_H
#define DATAPLANE_STANDIN_H

#include <pthread.h>
#include <stdatomic.h>

#include "lb/attach.h"
#include "lb/counters.h"
#include "lb/msg.h"

struct standin_options {
	uint32_t nb_workers, max_targets, max_listeners;
	uint64_t tables_size;
	int unsealed;       /* this segment is not sealed; -1: none */
	uint32_t nb_fds;    /* descriptors sent with the reply */
	uint32_t reply_len; /* bytes of the reply */
	bool mute;          /* never replies */
	struct lb_attach_reply reply;
};

struct standin {
	struct standin_options options; /* may be changed before standin_start() */
	char directory[64], path[96];
	int fds[LB_SEGMENT_KINDS];
	void *maps[LB_SEGMENT_KINDS]; /* may be corrupted at any time */
	uint64_t sizes[LB_SEGMENT_KINDS];
	struct lb_stats *stats; /* = maps[LB_SEGMENT_STATS] */
	struct lb_rings *rings; /* = maps[LB_SEGMENT_RINGS] */
	int listen_fd, connection;
	pthread_t thread;
	bool started;
	atomic_bool stop;
	atomic_uint silent;  /* bitmap of consumers that touch no ring, see standin_silence() */
	atomic_uint refuses; /* bitmap of consumers that refuse every generation */
	atomic_uint rounds;  /* of the thread */
	atomic_uint bad;     /* commands whose generation was not what they said */
};

/* What an honest dataplane with two workers has. */
struct standin_options standin_defaults(void);

/* Makes the segments, with the same socket path as 'before' where that is not NULL. */
struct standin *standin_create(const struct standin_options *options, const struct standin *before);

void standin_start(struct standin *standin);

/* The process ends: the socket and the connection are gone, the segments stay for a look. */
void standin_stop(struct standin *standin);
/* Stops it if need be. 'keep_path': another one takes its place. */
void standin_free(struct standin *standin, bool keep_path);

/* These consumers touch their rings no more when this returns; the others do. */
void standin_silence(struct standin *standin, uint32_t consumers);

/* The generation that a consumer runs, by its own statistics. */
uint64_t standin_running(struct standin *standin, uint32_t consumer);
uint64_t standin_running_offset(struct standin *standin, uint32_t consumer);

#endif
