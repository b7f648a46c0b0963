/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Who waits for a change to be in force. Each is told exactly once. Time is passed in.
 */
#ifndef CP_WAITERS_H
#define CP_WAITERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

typedef void (*cp_done_fn)(void *arg, bool pending);

struct cp_waiter {
	cp_done_fn done;
	void *arg;
	uint64_t deadline_ms;
	uint64_t revision; /* generation that includes the change; 0: not built yet */
	STAILQ_ENTRY(cp_waiter) next;
};

/* In the order of arrival, which is also that of deadlines and of revisions. */
STAILQ_HEAD(cp_waiters, cp_waiter);

/* 0 or -ENOMEM. */
int cp_waiters_add(struct cp_waiters *waiters, cp_done_fn done, void *arg, uint64_t deadline_ms);

/* A generation with all changes so far was built. */
void cp_waiters_built(struct cp_waiters *waiters, uint64_t revision);

/* The tables are gone: whoever still waits, waits for the next generation. */
void cp_waiters_lost(struct cp_waiters *waiters);

/* Everybody runs 'acknowledged' at least: tells those that waited for it. A waiter may add others.
 */
void cp_waiters_acknowledged(struct cp_waiters *waiters, uint64_t acknowledged);

/* Tells those whose time is up that their change is pending. */
void cp_waiters_expire(struct cp_waiters *waiters, uint64_t now_ms);

#endif
