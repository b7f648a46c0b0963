/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Packets and bytes of each flow, without a shared line per packet. A worker counts in a tally of
 * its own, a direct-mapped cache of (entry, direction), and adds to the entry when the place is
 * wanted for another flow, at a FIN or RST, when it ends the flow itself, and once a second. So a
 * busy flow whose directions are on two workers costs two exchanges of a line a second.
 *
 * Who writes what. A tally: its worker, and whoever closes the table when the workers are done. The
 * counts of an entry: any worker, by compare-and-swap; each word carries the entry's life, so that
 * what comes too late for a flow is not added to the entry's next one.
 *
 * What is lost. When the process dies, what its workers had not added yet: about a second of each
 * flow. When a flow ends while another worker still counts for it (its target's epoch ended, its
 * port was used again), that worker's last second. Expired flows were idle for longer.
 */
#include <errno.h>
#include <rte_common.h>
#include <stdlib.h>

#include "flow_count.h"

#define TALLY_PLACES  1024 /* 16 KiB: half of a small first-level cache */
#define TALLY_LEAVING 16   /* on their way to entries, whose memory is being fetched */
#define TALLY_SLICE   64

#define COUNT_MASK UINT64_C(0xffffffffffff)

struct place {
	uint64_t who; /* entry plus one | direction << 32 | life << 48; 0: nobody */
	uint32_t packets, bytes;
};
LB_ASSERT_SIZE(struct place, 16);

struct dp_flow_tally {
	struct dp_flow_table *t;
	uint32_t next_leaving;
	uint32_t at;     /* where the adding up goes on; TALLY_PLACES: done for this second */
	uint32_t second; /* of 'now', that the adding up began in */
	struct place leaving[TALLY_LEAVING]; /* a ring: the oldest makes way */
	struct place places[TALLY_PLACES];
} __attribute__((aligned(LB_CACHE_LINE)));

static uint64_t who_is(uint32_t index, uint32_t direction, uint16_t life)
{
	return ((uint64_t)index + 1) | (uint64_t)direction << 32 | (uint64_t)life << 48;
}

/* The packets and bytes of the direction. */
static uint64_t *count_words(const struct dp_flow_table *t, uint64_t who)
{
	uint64_t *e = flow_entry(t, (uint32_t)who - 1);

	return e + FLOW_COUNTS_AT + 2 * (who >> 32 & 1);
}

static void word_add(uint64_t *word, uint64_t life, uint32_t n)
{
	uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED), new;

	do {
		if (old >> 48 != life)
			return;
		new = life << 48 | ((old + n) & COUNT_MASK);
	} while (!__atomic_compare_exchange_n(
	        word, &old, new, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

/* Adds the place to its entry and empties it. */
static void settle(const struct dp_flow_table *t, struct place *place)
{
	uint64_t *words;

	if (place->who == 0)
		return;
	words = count_words(t, place->who);
	word_add(&words[0], place->who >> 48, place->packets);
	word_add(&words[1], place->who >> 48, place->bytes);
	*place = (struct place){0};
}

/* Not by the compiler's own prefetch: a function that does nothing else is thrown away with it. */
static void fetch(const struct dp_flow_table *t, const struct place *place)
{
	if (place->who != 0)
		dp_prefetch_l2(count_words(t, place->who));
}

/* Makes room: the flow that was there leaves by the ring, as far as its memory is not at hand. */
static void displace(struct dp_flow_tally *tally, struct place *place)
{
	struct place *leaving;

	if (place->who == 0)
		return;
	leaving = &tally->leaving[tally->next_leaving++ % TALLY_LEAVING];
	settle(tally->t, leaving);
	*leaving = *place;
	fetch(tally->t, leaving);
}

static struct place *place_of(struct dp_flow_tally *tally, uint32_t index, uint32_t direction)
{
	return &tally->places[(index * 2 + direction) % TALLY_PLACES];
}

void dp_flow_count(struct dp_flow_tally *tally, const struct dp_flow *flow,
        enum dp_direction direction, uint32_t bytes, uint8_t tcp_flags)
{
	uint64_t who = who_is(flow->index, direction, (uint16_t)flow->life);
	struct place *place = place_of(tally, flow->index, direction);

	if (place->who != who) {
		displace(tally, place);
		*place = (struct place){.who = who};
	}
	place->packets++;
	place->bytes += bytes;
	if (unlikely((tcp_flags & (RTE_TCP_FIN_FLAG | RTE_TCP_RST_FLAG)) ||
	             place->bytes >= UINT32_C(1) << 31))
		settle(tally->t, place);
}

static void settle_leaving(struct dp_flow_tally *tally)
{
	for (uint32_t i = 0; i < TALLY_LEAVING; i++)
		settle(tally->t, &tally->leaving[i]);
}

void flow_count_age(struct dp_flow_table *t, uint32_t worker, uint32_t now)
{
	struct dp_flow_tally *tally = t->tallies[worker];
	struct place *slice;

	if (tally == NULL)
		return;
	if (tally->at == TALLY_PLACES) {
		if (tally->second == now)
			return;
		tally->second = now;
		tally->at = 0;
		settle_leaving(tally);
	}
	slice = &tally->places[tally->at];
	tally->at += TALLY_SLICE;
	for (uint32_t i = 0; i < TALLY_SLICE; i++)
		fetch(t, &slice[i]);
	for (uint32_t i = 0; i < TALLY_SLICE; i++)
		settle(t, &slice[i]);
}

/* Of the flow that has or had the entry's life 'life'. */
static bool counts_read(
        const struct dp_flow_table *t, uint32_t index, uint16_t life, struct dp_flow_counts *counts)
{
	for (uint32_t d = 0; d < 2; d++) {
		const uint64_t *words = count_words(t, who_is(index, d, life));
		uint64_t packets = flow_load(&words[0]), bytes = flow_load(&words[1]);

		if (packets >> 48 != life || bytes >> 48 != life)
			return false;
		counts->packets[d] = packets & COUNT_MASK;
		counts->bytes[d] = bytes & COUNT_MASK;
	}
	return true;
}

void flow_count_end(
        struct dp_flow_table *t, uint32_t worker, uint32_t index, struct dp_flow_counts *counts)
{
	struct dp_flow_tally *tally = t->tallies[worker];
	uint16_t life;

	*counts = (struct dp_flow_counts){0};
	if (tally == NULL)
		return;
	life = (uint16_t)(flow_live_life(flow_load(flow_live(t, index))) - 1);
	for (uint32_t d = 0; d < 2; d++) {
		struct place *place = place_of(tally, index, d);

		if (place->who == who_is(index, d, life))
			settle(t, place);
	}
	for (uint32_t i = 0; i < TALLY_LEAVING; i++)
		if ((uint32_t)tally->leaving[i].who == index + 1)
			settle(t, &tally->leaving[i]);
	if (!counts_read(t, index, life, counts))
		*counts = (struct dp_flow_counts){0};
}

bool dp_flow_counts(
        const struct dp_flow_table *t, const struct dp_flow *flow, struct dp_flow_counts *counts)
{
	if (!t->counters || flow->index >= t->capacity[0] + t->capacity[1])
		return false;
	return counts_read(t, flow->index, (uint16_t)flow->life, counts);
}

struct dp_flow_tally *dp_flow_tally(const struct dp_flow_table *t, uint32_t worker)
{
	return t->tallies[worker];
}

int flow_tallies_make(struct dp_flow_table *t)
{
	for (uint32_t i = 0; t->counters && i < t->nb_callers; i++) {
		struct dp_flow_tally *tally = aligned_alloc(LB_CACHE_LINE, sizeof(*tally));

		if (tally == NULL)
			return -ENOMEM;
		memset(tally, 0, sizeof(*tally));
		tally->t = t;
		tally->at = TALLY_PLACES;
		t->tallies[i] = tally;
	}
	return 0;
}

void flow_tallies_free(struct dp_flow_table *t)
{
	for (uint32_t w = 0; w < FLOW_NB_CALLERS; w++) {
		struct dp_flow_tally *tally = t->tallies[w];

		if (tally == NULL)
			continue;
		settle_leaving(tally);
		for (uint32_t i = 0; i < TALLY_PLACES; i++)
			settle(t, &tally->places[i]);
		free(tally);
	}
}
