/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The control plane's side of the shared memory: attaches to the dataplane (again, by itself,
 * whenever it comes back), adopts the generation that it finds running, writes generations,
 * announces them, collects acknowledgements, frees what only older generations used.
 */
#ifndef CP_PUBLISH_H
#define CP_PUBLISH_H

#include <uv.h>

#include "lb/attach.h"
#include "lb/counters.h"
#include "model/model.h"
#include "publish/latency.h"

struct cp_publisher;

/* 'model' is 'live', not owned; its targets' slots, epochs and health are changed by an adoption.
 * 'on_attach' (may be NULL) is called after each attachment and adoption. */
struct cp_publisher *cp_publisher_create(uv_loop_t *loop, const char *socket_path,
        struct cp_model *model, void (*on_attach)(void *arg), void *arg);
/* Whoever still waits is told 'pending' from within. The loop must run once more, for libuv to let
 * go of the handles. */
void cp_publisher_free(struct cp_publisher *publisher);

/* Says that the model changed. A new generation is built from it before the loop waits again, or
 * once the one before it is acknowledged: the changes until then share it. 'done' (may be NULL) is
 * called once when every consumer runs a generation that includes the change, or after 1 s with
 * pending = true. 'verdict': a health verdict, built at once. */
void cp_publish(struct cp_publisher *publisher, bool verdict, void (*done)(void *arg, bool pending),
        void *arg);

struct cp_publisher_status {
	bool attached;
	int32_t dataplane_pid;
	char why[160]; /* not attached: what is wrong, and what would be right */
	uint64_t attachments, generations;
	uint64_t revision;     /* newest announced */
	uint64_t acknowledged; /* by every consumer */
	uint32_t nb_consumers;
	uint32_t silent_consumers; /* bitmap of the first 32 that owe an acknowledgement for over 1
	                              s */
	uint64_t table_bytes_used, table_bytes;
	char problem[160]; /* a refused or undeliverable generation, a corrupt ring; empty: none */
};
void cp_publisher_status(const struct cp_publisher *publisher, struct cp_publisher_status *status);

/* From cp_publish() to the last acknowledgement, as it was noticed: of verdicts alone, or of other
 * changes alone. What was published without a dataplane does not count. */
void cp_publisher_latency(
        const struct cp_publisher *publisher, bool verdicts, struct cp_latency_summary *summary);

/* The mapped stats segment, or NULL; valid until the loop runs again. */
const struct lb_stats *cp_publisher_stats(const struct cp_publisher *publisher);
/* Its mapped bytes: what the numbers in its header are to be checked against; 0 without it. */
uint64_t cp_publisher_stats_size(const struct cp_publisher *publisher);

#endif
