/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From a change to everybody running it:
 *
 *   cp_publish() -> [end of the loop's turn, unless a verdict] -> build -> send ->
 *   acknowledgements -> done, reclaim
 *
 * Changes that one commit made durable arrive in one turn and share a generation. While somebody
 * owes an answer for less than PATIENCE_MS, changes wait and share the next generation: so a
 * thousand verdicts in one turn of the loop make two generations, not a thousand, and a worker that
 * stalls delays the others by no more than that. While everybody owes one, nothing is built at all,
 * however long it takes: a long turn of the loop reads no answers, and its verdicts would each
 * build a generation that nobody can be told of.
 */
#include "publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "publish/consumers.h"
#include "publish/link.h"
#include "publish/takeover.h"
#include "publish/waiters.h"

#define PATIENCE_MS 5
#define DONE_MS     1000
#define ACK_MS      1  /* between two looks at the rings while an answer is due */
#define ACK_SLOW_MS 20 /* and when it is overdue */
#define EXPIRY_MS   50 /* between two looks at the waiters' deadlines */

/* What each consumer runs and is commanded, and the newest: no more can be in use. */
#define MAX_GENERATIONS (2 * (LB_MAX_WORKERS + 1) + 2)

struct cp_publisher {
	uv_loop_t *loop;
	struct cp_link *link;
	struct cp_model *model;
	void (*on_attach)(void *arg);
	void *arg;
	uv_timer_t gather, acks, expiry;
	uint32_t nb_closing;

	struct cp_waiters waiters;
	struct cp_latency latency[2]; /* of verdicts: [true] */
	bool changed;                 /* since the newest generation was built */
	bool failed;                  /* the last build: tried again when memory comes back */
	char build_problem[160], adopt_problem[160];
	uint64_t attachments, nb_built, revision;

	/* While attached. */
	const struct cp_attachment *attachment; /* the link's; NULL: not attached */
	struct cp_heap heap;
	struct cp_scopes scopes;
	struct cp_consumers consumers;
	struct cp_generation before; /* stands for whatever a predecessor had running */
	struct cp_legacy legacy;
	struct cp_generation *generations[MAX_GENERATIONS];
	uint32_t nb_generations;
	struct cp_generation *newest; /* NULL: none yet */
};

/* Frees what is neither the newest nor in use. True if anything was freed. */
static bool reclaim(struct cp_publisher *p)
{
	uint32_t kept = 0, before = p->nb_generations;
	bool freed = false;

	for (uint32_t i = 0; i < before; i++) {
		struct cp_generation *g = p->generations[i];

		if (g == p->newest || cp_consumers_use(&p->consumers, g))
			p->generations[kept++] = g;
		else
			cp_generation_free(&p->scopes, g);
	}
	p->nb_generations = kept;
	if (!cp_consumers_use(&p->consumers, &p->before)) {
		freed = p->legacy.nb_extents > 0;
		cp_legacy_release(&p->legacy, &p->scopes);
		p->adopt_problem[0] = '\0';
	}
	return freed || kept < before;
}

static int make(struct cp_publisher *p)
{
	struct cp_build_order order = {.revision = p->revision + 1,
	        .max_targets = p->attachment->max_targets,
	        .max_listeners = p->attachment->max_listeners};
	struct cp_generation *made;
	int rc = cp_generation_build(
	        p->model, &p->scopes, &order, &made, p->build_problem, sizeof(p->build_problem));

	p->failed = rc < 0;
	if (rc < 0)
		return rc;
	p->build_problem[0] = '\0';
	p->revision = order.revision;
	p->nb_built++;
	p->newest = made;
	reclaim(p);
	p->generations[p->nb_generations++] = made;
	cp_waiters_built(&p->waiters, p->revision);
	for (int i = 0; i < 2; i++)
		cp_latency_built(&p->latency[i], p->revision);
	return 0;
}

static void on_acks(uv_timer_t *timer);

/* Builds if there is anything to build and it may be now, and sends what is not sent. */
static void advance(struct cp_publisher *p)
{
	uint64_t now_ms = uv_now(p->loop);

	if (!p->attachment)
		return;
	if (p->changed && cp_consumers_ready(&p->consumers) &&
	        !cp_consumers_owe(&p->consumers, now_ms, PATIENCE_MS)) {
		p->changed = false;
		(void)make(p);
	}
	if (p->newest)
		cp_consumers_send(&p->consumers, p->newest, now_ms);
	if (cp_consumers_owe(&p->consumers, now_ms, CP_SILENT_AFTER_MS))
		uv_timer_start(&p->acks, on_acks, ACK_MS, 0);
	else if (cp_consumers_owe(&p->consumers, now_ms, UINT64_MAX))
		uv_timer_start(&p->acks, on_acks, ACK_SLOW_MS, 0);
}

static void on_acks(uv_timer_t *timer)
{
	struct cp_publisher *p = timer->data;
	uint64_t acknowledged;

	if (cp_consumers_poll(&p->consumers) && reclaim(p) && p->failed)
		p->changed = true;
	acknowledged = cp_consumers_acknowledged(&p->consumers);
	for (int i = 0; i < 2; i++)
		cp_latency_acknowledged(&p->latency[i], acknowledged, uv_hrtime());
	advance(p);
	cp_waiters_acknowledged(&p->waiters, acknowledged);
}

static void on_gathered(uv_timer_t *timer)
{
	struct cp_publisher *p = timer->data;

	advance(p);
}

static void on_expiry(uv_timer_t *timer)
{
	struct cp_publisher *p = timer->data;

	cp_waiters_expire(&p->waiters, uv_now(p->loop));
	if (STAILQ_EMPTY(&p->waiters))
		uv_timer_stop(&p->expiry);
}

void cp_publish(
        struct cp_publisher *p, bool verdict, void (*done)(void *arg, bool pending), void *arg)
{
	p->changed = true;
	if (p->attachment)
		cp_latency_begin(&p->latency[verdict], uv_hrtime());
	if (done) {
		/* the loop's time may be that of long ago: the second counts from now */
		uv_update_time(p->loop);
		if (cp_waiters_add(&p->waiters, done, arg, uv_now(p->loop) + DONE_MS) < 0)
			abort(); /* as the model does, see model/change.h */
		if (!uv_is_active((uv_handle_t *)&p->expiry))
			uv_timer_start(&p->expiry, on_expiry, EXPIRY_MS, EXPIRY_MS);
	}
	if (verdict)
		advance(p);
	else if (p->attachment && !uv_is_active((uv_handle_t *)&p->gather))
		uv_timer_start(&p->gather, on_gathered, 0, 0);
}

static void forget_tables(struct cp_publisher *p)
{
	for (uint32_t i = 0; i < p->nb_generations; i++)
		cp_generation_free(&p->scopes, p->generations[i]);
	p->nb_generations = 0;
	p->newest = NULL;
	cp_legacy_fini(&p->legacy);
	cp_scopes_fini(&p->scopes);
	cp_heap_fini(&p->heap);
}

static int on_up(void *arg, const struct cp_attachment *a, char *why, size_t why_len)
{
	struct cp_publisher *p = arg;
	int rc = cp_heap_init(&p->heap, a->tables, a->tables_size);

	cp_scopes_init(&p->scopes, &p->heap);
	if (rc == 0)
		rc = cp_takeover(a, p->model, &p->scopes, &p->legacy, p->adopt_problem,
		        sizeof(p->adopt_problem));
	if (rc < 0) {
		snprintf(why, why_len, "out of memory to attach to the dataplane");
		forget_tables(p);
		return rc;
	}
	if (p->legacy.revision > p->revision)
		p->revision = p->legacy.revision;
	p->before = (struct cp_generation){0};
	cp_consumers_init(&p->consumers, a->rings, a->nb_consumers, &p->before);
	p->attachment = a;
	p->attachments++;
	if (p->on_attach)
		p->on_attach(p->arg);
	p->changed = true;
	advance(p);
	return 0;
}

static void on_down(void *arg)
{
	struct cp_publisher *p = arg;

	uv_timer_stop(&p->acks);
	uv_timer_stop(&p->gather);
	p->attachment = NULL;
	cp_waiters_lost(&p->waiters);
	for (int i = 0; i < 2; i++)
		cp_latency_lost(&p->latency[i]);
	forget_tables(p);
	p->build_problem[0] = '\0';
	p->adopt_problem[0] = '\0';
}

static const struct cp_link_events link_events = {on_up, on_down};

static void free_publisher(uv_handle_t *handle)
{
	struct cp_publisher *p = handle->data;

	if (--p->nb_closing == 0)
		free(p);
}

static void close_timer(struct cp_publisher *p, uv_timer_t *timer)
{
	p->nb_closing++;
	uv_timer_stop(timer);
	uv_close((uv_handle_t *)timer, free_publisher);
}

static void close_timers(struct cp_publisher *p)
{
	close_timer(p, &p->gather);
	close_timer(p, &p->acks);
	close_timer(p, &p->expiry);
}

struct cp_publisher *cp_publisher_create(uv_loop_t *loop, const char *socket_path,
        struct cp_model *model, void (*on_attach)(void *arg), void *arg)
{
	struct cp_publisher *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->loop = loop;
	p->model = model;
	p->on_attach = on_attach;
	p->arg = arg;
	STAILQ_INIT(&p->waiters);
	uv_timer_init(loop, &p->gather);
	uv_timer_init(loop, &p->acks);
	uv_timer_init(loop, &p->expiry);
	p->gather.data = p->acks.data = p->expiry.data = p;
	p->link = cp_link_create(loop, socket_path, &link_events, p);
	if (!p->link) {
		close_timers(p);
		return NULL;
	}
	return p;
}

void cp_publisher_free(struct cp_publisher *p)
{
	if (!p)
		return;
	cp_link_free(p->link);
	cp_waiters_expire(&p->waiters, UINT64_MAX);
	close_timers(p);
}

static void describe_problem(const struct cp_publisher *p, char *text, size_t len)
{
	text[0] = '\0';
	if (p->attachment)
		cp_consumers_problem(&p->consumers, text, len);
	if (text[0] == '\0')
		snprintf(text, len, "%s",
		        p->build_problem[0] != '\0' ? p->build_problem : p->adopt_problem);
}

void cp_publisher_status(const struct cp_publisher *p, struct cp_publisher_status *status)
{
	*status = (struct cp_publisher_status){.attached = p->attachment != NULL,
	        .attachments = p->attachments,
	        .generations = p->nb_built,
	        .revision = p->revision};
	snprintf(status->why, sizeof(status->why), "%s", cp_link_why(p->link));
	describe_problem(p, status->problem, sizeof(status->problem));
	if (!p->attachment)
		return;
	status->dataplane_pid = p->attachment->dataplane_pid;
	status->acknowledged = cp_consumers_acknowledged(&p->consumers);
	status->nb_consumers = p->consumers.nb;
	status->silent_consumers = cp_consumers_silent(&p->consumers, uv_now(p->loop));
	status->table_bytes_used = p->heap.used;
	status->table_bytes = p->heap.end - p->heap.start;
}

void cp_publisher_latency(
        const struct cp_publisher *p, bool verdicts, struct cp_latency_summary *summary)
{
	cp_latency_summarize(&p->latency[verdicts], summary);
}

const struct lb_stats *cp_publisher_stats(const struct cp_publisher *p)
{
	return p->attachment ? p->attachment->stats : NULL;
}

uint64_t cp_publisher_stats_size(const struct cp_publisher *p)
{
	return p->attachment ? p->attachment->stats_size : 0;
}
