/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See waiters.h.
 */
#include "publish/waiters.h"

#include <errno.h>
#include <stdlib.h>

int cp_waiters_add(struct cp_waiters *waiters, cp_done_fn done, void *arg, uint64_t deadline_ms)
{
	struct cp_waiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter)
		return -ENOMEM;
	waiter->done = done;
	waiter->arg = arg;
	waiter->deadline_ms = deadline_ms;
	STAILQ_INSERT_TAIL(waiters, waiter, next);
	return 0;
}

void cp_waiters_built(struct cp_waiters *waiters, uint64_t revision)
{
	struct cp_waiter *waiter;

	STAILQ_FOREACH(waiter, waiters, next)
	if (waiter->revision == 0)
		waiter->revision = revision;
}

void cp_waiters_lost(struct cp_waiters *waiters)
{
	struct cp_waiter *waiter;

	STAILQ_FOREACH(waiter, waiters, next)
	waiter->revision = 0;
}

/* Off the list first: 'done' may add to it, or look at it. */
static void tell_first(struct cp_waiters *waiters, bool pending)
{
	struct cp_waiter *waiter = STAILQ_FIRST(waiters);
	cp_done_fn done = waiter->done;
	void *arg = waiter->arg;

	STAILQ_REMOVE_HEAD(waiters, next);
	free(waiter);
	done(arg, pending);
}

void cp_waiters_acknowledged(struct cp_waiters *waiters, uint64_t acknowledged)
{
	struct cp_waiter *first;

	while ((first = STAILQ_FIRST(waiters)) && first->revision != 0 &&
	        first->revision <= acknowledged)
		tell_first(waiters, false);
}

void cp_waiters_expire(struct cp_waiters *waiters, uint64_t now_ms)
{
	struct cp_waiter *first;

	while ((first = STAILQ_FIRST(waiters)) && first->deadline_ms <= now_ms)
		tell_first(waiters, true);
}
