/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Weighted Maglev tables, see maglev.h.
 */
#include "build/maglev.h"

#include <errno.h>
#include <stdlib.h>

/* How often a place of an ineligible member looks for another owner by itself before it is dealt
 * with the rest: enough while a fifth of the members is eligible. */
#define TRIES 16

#define NONE UINT32_MAX

static const uint32_t primes[] = {1021, 4093, 16381, 65537, 655373};
#define NB_PRIMES (sizeof(primes) / sizeof(primes[0]))

uint32_t cp_maglev_size(uint32_t nb_registered)
{
	if (nb_registered == 0)
		return 0;
	for (size_t i = 0; i < NB_PRIMES; i++)
		if (primes[i] >= (uint64_t)nb_registered * 100)
			return primes[i];
	return primes[NB_PRIMES - 1];
}

static int by_identity(const void *a, const void *b)
{
	const struct cp_maglev_member *x = a, *y = b;

	return (x->identity > y->identity) - (x->identity < y->identity);
}

void cp_maglev_sort(struct cp_maglev_member *members, uint32_t nb)
{
	qsort(members, nb, sizeof(*members), by_identity);
}

/* A member on its way over its own permutation of the places: at, at + skip, at + 2 skip ... modulo
 * the size, a prime. Its turn k comes in round k * max_weight / weight, rounded down: the heaviest
 * takes one in each round, and everybody one in round 0, so nobody with a weight goes without. */
struct walk {
	uint32_t member;
	uint32_t at, skip;
	uint32_t next;  /* walk after this one in its round */
	uint32_t whole; /* rounds between two turns, and the fraction over 'weight' */
	uint32_t fraction, carry, weight;
};

struct deal {
	uint32_t size, nb_open;
	uint64_t *taken; /* bitmap of the places that are not open */
	struct walk *walks;
	uint32_t *first, *last; /* by round: the walks whose turn it is; nb_open rounds suffice */
};

static bool is_taken(const struct deal *deal, uint32_t place)
{
	return deal->taken[place / 64] >> place % 64 & 1;
}

static void take(struct deal *deal, uint32_t place)
{
	deal->taken[place / 64] |= UINT64_C(1) << place % 64;
	deal->nb_open--;
}

static void deal_free(struct deal *deal)
{
	free(deal->taken);
	free(deal->walks);
	free(deal->first);
	free(deal->last);
}

static int deal_init(struct deal *deal, uint32_t size, uint32_t nb_members)
{
	*deal = (struct deal){.size = size, .nb_open = size};
	deal->taken = calloc(size / 64 + 1, sizeof(*deal->taken));
	deal->walks = calloc(nb_members, sizeof(*deal->walks));
	deal->first = malloc(size * sizeof(*deal->first));
	deal->last = malloc(size * sizeof(*deal->last));
	if (deal->taken && deal->walks && deal->first && deal->last)
		return 0;
	deal_free(deal);
	return -ENOMEM;
}

static void queue(struct deal *deal, uint32_t walk, uint32_t round, uint32_t nb_rounds)
{
	if (round >= nb_rounds)
		return;
	deal->walks[walk].next = NONE;
	if (deal->first[round] == NONE)
		deal->first[round] = walk;
	else
		deal->walks[deal->last[round]].next = walk;
	deal->last[round] = walk;
}

static void start_walks(struct deal *deal, const struct cp_maglev_member *members, uint32_t nb,
        bool eligible_only, uint32_t nb_rounds)
{
	uint32_t max_weight = 0, nb_walks = 0;

	for (uint32_t i = 0; i < nb; i++)
		if ((members[i].eligible || !eligible_only) && members[i].weight > max_weight)
			max_weight = members[i].weight;
	for (uint32_t i = 0; i < nb; i++) {
		const struct cp_maglev_member *m = &members[i];

		if (m->weight == 0 || (eligible_only && !m->eligible))
			continue;
		deal->walks[nb_walks] = (struct walk){
		        .member = i,
		        .at = (uint32_t)(lb_mix(m->identity) % deal->size),
		        .skip = 1 + (uint32_t)(lb_mix(~m->identity) % (deal->size - 1)),
		        .whole = max_weight / m->weight,
		        .fraction = max_weight % m->weight,
		        .weight = m->weight,
		};
		queue(deal, nb_walks++, 0, nb_rounds);
	}
}

static uint32_t next_open(struct deal *deal, struct walk *w)
{
	while (is_taken(deal, w->at)) {
		w->at += w->skip;
		if (w->at >= deal->size)
			w->at -= deal->size;
	}
	return w->at;
}

/* Gives every open place an owner, turn by turn. */
static void deal_out(struct deal *deal, uint32_t *owner, const struct cp_maglev_member *members,
        uint32_t nb, bool eligible_only)
{
	uint32_t nb_rounds = deal->nb_open;

	memset(deal->first, 0xff, nb_rounds * sizeof(*deal->first));
	start_walks(deal, members, nb, eligible_only, nb_rounds);
	for (uint32_t round = 0; deal->nb_open > 0; round++) {
		uint32_t next;

		for (uint32_t i = deal->first[round]; i != NONE && deal->nb_open > 0; i = next) {
			struct walk *w = &deal->walks[i];
			uint32_t place = next_open(deal, w), wait = w->whole;

			next = w->next;
			owner[place] = w->member;
			take(deal, place);
			w->carry += w->fraction;
			if (w->carry >= w->weight) {
				w->carry -= w->weight;
				wait++;
			}
			queue(deal, i, round + wait, nb_rounds);
		}
	}
}

int cp_maglev_base(
        uint32_t *base, uint32_t size, const struct cp_maglev_member *members, uint32_t nb)
{
	struct deal deal;
	int rc = deal_init(&deal, size, nb);

	if (rc < 0)
		return rc;
	deal_out(&deal, base, members, nb, false);
	deal_free(&deal);
	return 0;
}

/* How many more places each eligible member may take: up to its fair share and a thirty-second
 * above, which bounds what the places' own search leaves uneven. 0 for the others. */
static uint32_t *rooms(
        const uint32_t *base, uint32_t size, const struct cp_maglev_member *members, uint32_t nb)
{
	uint32_t *room = calloc(nb, sizeof(*room));
	uint64_t sum = 0;

	if (!room)
		return NULL;
	for (uint32_t i = 0; i < nb; i++)
		sum += members[i].eligible ? members[i].weight : 0;
	for (uint32_t i = 0; i < nb; i++) {
		uint64_t fair = members[i].eligible ? (uint64_t)size * members[i].weight / sum : 0;

		room[i] = fair > 0 ? (uint32_t)(fair + fair / 32 + 1) : 0;
	}
	for (uint32_t e = 0; e < size; e++)
		if (room[base[e]] > 0)
			room[base[e]]--;
	return room;
}

/* A new owner for a place whose own one is ineligible: the owner of another place, chosen by the
 * place's number alone, so that it stays the same whoever else fails. NONE if none has room. */
static uint32_t find_owner(
        const uint32_t *base, uint32_t size, const uint32_t *room, uint32_t place)
{
	for (uint32_t try = 0; try < TRIES; try++) {
		uint64_t hash = lb_mix(((uint64_t)place << 32 | try) + 1);
		uint32_t owner = base[lb_maglev_entry((uint32_t)hash, size)];

		if (room[owner] > 0)
			return owner;
	}
	return NONE;
}

int cp_maglev_table(uint32_t *table, const uint32_t *base, uint32_t size,
        const struct cp_maglev_member *members, uint32_t nb)
{
	uint32_t *room = rooms(base, size, members, nb);
	struct deal deal;
	int rc = -ENOMEM;

	if (!room || deal_init(&deal, size, nb) < 0)
		goto out;
	for (uint32_t e = 0; e < size; e++) {
		table[e] = base[e];
		if (!members[base[e]].eligible) {
			table[e] = find_owner(base, size, room, e);
			if (table[e] == NONE)
				continue;
			room[table[e]]--;
		}
		take(&deal, e);
	}
	deal_out(&deal, table, members, nb, true);
	for (uint32_t e = 0; e < size; e++)
		table[e] = members[table[e]].slot;
	deal_free(&deal);
	rc = 0;
out:
	free(room);
	return rc;
}
