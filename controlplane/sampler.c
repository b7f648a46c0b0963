/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rates, and where a slot's counters stood when its present owner got it.
 */
#include <stdlib.h>

#include "stats_reader.h"

/* Of a target's or a listener's slot; both kinds of counters are eight words. */
#define WORDS (sizeof(struct lb_target_stats) / sizeof(uint64_t))
static_assert(sizeof(struct lb_listener_stats) == sizeof(struct lb_target_stats),
        "target and listener counters differ in size");

struct slot_record {
	uint64_t owner; /* identity of a target, id of a listener; 0: nobody's yet */
	uint64_t base[WORDS], last[WORDS], rate[WORDS];
};

struct record_array {
	struct slot_record *records;
	uint32_t nb;
};

struct worker_record {
	uint64_t last[LB_COUNTER_SLOTS], rate[LB_COUNTER_SLOTS];
};

struct cp_sampler {
	uint64_t session, taken_ms;
	bool fresh; /* the first sample of a session: there is nothing to compare with */
	uint64_t elapsed_ms;
	struct record_array targets, listeners;
	uint64_t counters[LB_COUNTER_SLOTS], counter_rates[LB_COUNTER_SLOTS];
	uint64_t drops[LB_DROP_SLOTS], drop_rates[LB_DROP_SLOTS];
	struct worker_record workers[LB_MAX_WORKERS];
	uint64_t missed[LB_MAX_PORTS], missed_rates[LB_MAX_PORTS];
};

struct cp_sampler *cp_sampler_create(void)
{
	return calloc(1, sizeof(struct cp_sampler));
}

void cp_sampler_free(struct cp_sampler *sampler)
{
	free(sampler->targets.records);
	free(sampler->listeners.records);
	free(sampler);
}

/* NULL without memory: that slot then has no rates. */
static struct slot_record *record_at(struct record_array *array, uint32_t slot, uint32_t max)
{
	if (slot >= max)
		return NULL;
	if (slot >= array->nb) {
		uint32_t nb = array->nb ? array->nb : 64;
		struct slot_record *grown;

		while (nb <= slot)
			nb *= 2;
		grown = realloc(array->records, nb * sizeof(*grown));
		if (!grown)
			return NULL;
		memset(grown + array->nb, 0, (nb - array->nb) * sizeof(*grown));
		array->records = grown;
		array->nb = nb;
	}
	return &array->records[slot];
}

/* A counter that went back is another dataplane's, or a hostile one's: no rate. */
static uint64_t per_second(uint64_t now, uint64_t before, uint64_t elapsed_ms)
{
	if (elapsed_ms == 0 || now < before)
		return 0;
	return (uint64_t)((double)(now - before) * 1000 / (double)elapsed_ms + 0.5);
}

static void rates_take(const struct cp_sampler *sampler, uint64_t *last, uint64_t *rate,
        const uint64_t *now, size_t nb)
{
	for (size_t i = 0; i < nb; i++) {
		uint64_t value = __atomic_load_n(&now[i], __ATOMIC_RELAXED);

		rate[i] = sampler->fresh ? 0 : per_second(value, last[i], sampler->elapsed_ms);
		last[i] = value;
	}
}

static void record_take(const struct cp_sampler *sampler, struct slot_record *record,
        uint64_t owner, const uint64_t *now)
{
	if (record->owner != owner) {
		record->owner = owner;
		/* In a new session all counters began at nothing, and slots had no other owner. */
		if (sampler->fresh)
			memset(record->base, 0, sizeof(record->base));
		else
			memcpy(record->base, now, sizeof(record->base));
		memcpy(record->last, record->base, sizeof(record->last));
	}
	rates_take(sampler, record->last, record->rate, now, WORDS);
}

static void targets_take(
        struct cp_sampler *sampler, const struct cp_stats_view *view, const struct cp_model *live)
{
	for (const struct cp_target_group *group = live->groups; group; group = group->hh.next)
		for (const struct cp_target *target = group->targets; target;
		        target = target->hh.next) {
			struct slot_record *record =
			        record_at(&sampler->targets, target->slot, view->max_targets);
			struct lb_target_stats now;

			if (!record)
				continue;
			cp_stats_target(view, target->slot, &now);
			record_take(sampler, record, target->identity, (const uint64_t *)&now);
		}
}

static void listeners_take(
        struct cp_sampler *sampler, const struct cp_stats_view *view, const struct cp_model *live)
{
	for (const struct cp_listener *listener = live->listeners; listener;
	        listener = listener->hh.next) {
		struct slot_record *record =
		        record_at(&sampler->listeners, listener->slot, view->max_listeners);
		struct lb_listener_stats now;

		if (!record)
			continue;
		cp_stats_listener(view, listener->slot, &now);
		record_take(sampler, record, listener->id, (const uint64_t *)&now);
	}
}

static void totals_take(struct cp_sampler *sampler, const struct cp_stats_view *view)
{
	uint64_t counters[LB_COUNTER_SLOTS], drops[LB_DROP_SLOTS];

	cp_stats_totals(view, counters, drops);
	rates_take(sampler, sampler->counters, sampler->counter_rates, counters, LB_COUNTER_SLOTS);
	rates_take(sampler, sampler->drops, sampler->drop_rates, drops, LB_DROP_SLOTS);
	for (uint32_t i = 0; i < view->nb_workers; i++) {
		struct worker_record *record = &sampler->workers[i];

		rates_take(sampler, record->last, record->rate,
		        lb_worker_stats((struct lb_stats *)(uintptr_t)view->stats, i)->counters,
		        LB_COUNTER_SLOTS);
	}
}

static void ports_take(struct cp_sampler *sampler, const struct cp_stats_view *view)
{
	for (uint32_t i = 0; i < view->nb_ports; i++)
		rates_take(sampler, &sampler->missed[i], &sampler->missed_rates[i],
		        &view->stats->ports[i].rx_missed, 1);
}

static void session_begin(struct cp_sampler *sampler, uint64_t session)
{
	struct record_array targets = sampler->targets, listeners = sampler->listeners;

	memset(sampler, 0, sizeof(*sampler));
	if (targets.nb > 0)
		memset(targets.records, 0, targets.nb * sizeof(*targets.records));
	if (listeners.nb > 0)
		memset(listeners.records, 0, listeners.nb * sizeof(*listeners.records));
	sampler->targets = targets;
	sampler->listeners = listeners;
	sampler->session = session;
	sampler->fresh = true;
}

void cp_sampler_take(struct cp_sampler *sampler, const struct cp_stats_view *view,
        const struct cp_model *live, uint64_t now_ms)
{
	sampler->fresh = false;
	if (!view->stats || view->session != sampler->session || sampler->session == 0)
		session_begin(sampler, view->stats ? view->session : 0);
	if (!view->stats)
		return;
	sampler->elapsed_ms = now_ms - sampler->taken_ms;
	sampler->taken_ms = now_ms;
	totals_take(sampler, view);
	ports_take(sampler, view);
	targets_take(sampler, view, live);
	listeners_take(sampler, view, live);
}

/* NULL: not sampled since it has its slot. */
static const struct slot_record *record_of(
        const struct record_array *array, uint32_t slot, uint64_t owner)
{
	if (slot >= array->nb || array->records[slot].owner != owner)
		return NULL;
	return &array->records[slot];
}

static void totals_of(const struct slot_record *record, uint64_t *total)
{
	for (size_t i = 0; i < WORDS; i++)
		total[i] = record->last[i] - record->base[i];
}

void cp_sampler_target(const struct cp_sampler *sampler, const struct cp_target *target,
        struct cp_target_sample *sample)
{
	const struct slot_record *record =
	        record_of(&sampler->targets, target->slot, target->identity);
	struct lb_target_stats rate;

	memset(sample, 0, sizeof(*sample));
	if (!record)
		return;
	totals_of(record, (uint64_t *)&sample->total);
	memcpy(&rate, record->rate, sizeof(rate));
	sample->packets_per_s = rate.packets_in + rate.packets_out;
	sample->bytes_per_s = rate.bytes_in + rate.bytes_out;
	sample->flows_new_per_s = rate.flows_new;
}

void cp_sampler_listener(const struct cp_sampler *sampler, const struct cp_listener *listener,
        struct cp_listener_sample *sample)
{
	const struct slot_record *record =
	        record_of(&sampler->listeners, listener->slot, listener->id);
	struct lb_listener_stats rate;

	memset(sample, 0, sizeof(*sample));
	if (!record)
		return;
	totals_of(record, (uint64_t *)&sample->total);
	memcpy(&rate, record->rate, sizeof(rate));
	sample->packets_per_s = rate.packets_in + rate.packets_out;
	sample->bytes_per_s = rate.bytes_in + rate.bytes_out;
	sample->flows_new_per_s = rate.flows_new;
	sample->drops_per_s = rate.drops;
}

uint64_t cp_sampler_counter_rate(const struct cp_sampler *sampler, enum lb_counter counter)
{
	return sampler->counter_rates[counter];
}

uint64_t cp_sampler_drop_rate(const struct cp_sampler *sampler, enum lb_drop_reason reason)
{
	return sampler->drop_rates[reason];
}

uint64_t cp_sampler_worker_rate(
        const struct cp_sampler *sampler, uint32_t worker, enum lb_counter counter)
{
	return worker < LB_MAX_WORKERS ? sampler->workers[worker].rate[counter] : 0;
}

uint64_t cp_sampler_missed_rate(const struct cp_sampler *sampler, uint32_t port)
{
	return port < LB_MAX_PORTS ? sampler->missed_rates[port] : 0;
}
