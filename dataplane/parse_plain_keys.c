/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Plain packets: where each of them goes, by its destination, and its key in the flow table.
 */
#include <rte_branch_prediction.h>

#include "column.h"
#include "parse_plain.h"

/* Packets to the same address as packet 'k'. */
static inline uint64_t same4(struct plain *s, uint32_t k)
{
	uint64_t same = 0;

	for (uint32_t i = 0; i < s->b->n; i += LANES) {
		lanes other = *(const lanes *)&s->destination[i] ^ s->destination[k];

		same |= (uint64_t)dp_column_zero_lanes(other) << i;
	}
	return same;
}

/* All bits for those of eight packets that don't go where packet 'k' goes. */
static inline __attribute__((always_inline)) wide others6(
        const struct plain *s, uint32_t i, uint32_t k)
{
	const uint64_t(*to)[2] = s->words.halves[ROW_DESTINATION6];

	return (wide)(((HALVES(to[i], 0) ^ to[k][0]) | (HALVES(to[i], 1) ^ to[k][1])) != 0);
}

static inline uint64_t same6(struct plain *s, uint32_t k)
{
	uint64_t same = 0;

	for (uint32_t i = 0; i < s->b->n; i += LANES) {
		lanes other = LOWER(others6(s, i, k), others6(s, i + LANES / 2, k));

		same |= (uint64_t)dp_column_zero_lanes(other) << i;
	}
	return same;
}

static inline struct lb_ip destination(const struct plain *s, uint32_t i, bool is_v6)
{
	struct lb_ip ip;

	if (!is_v6)
		return lb_ip_from_v4(s->destination[i]);
	memcpy(ip.bytes, s->words.halves[ROW_DESTINATION6][i], sizeof(ip.bytes));
	return ip;
}

/* lb_vip_hash() of all destinations. */
static inline __attribute__((always_inline)) void hash_destinations(
        const struct plain *s, bool is_v6, uint64_t *hashes)
{
	for (uint32_t i = 0; i < s->b->n; i += LANES / 2) {
		wide first = {0}, second, mixed;

		if (is_v6) {
			first = HALVES(s->words.halves[ROW_DESTINATION6][i], 0);
			second = HALVES(s->words.halves[ROW_DESTINATION6][i], 1);
			second = second >> 32 | second << 32;
		} else {
			second = dp_column_widen32(&s->destination[i]) | UINT64_C(0xffff) << 48;
		}
		mixed = LB_VIP_MIX(first, second);
		*(wide *)&hashes[i] = LB_VIP_HASH(mixed);
	}
}

/* Whether packet 'i' goes to a virtual address. If so, '*same' are all packets that go there. */
static inline __attribute__((always_inline)) bool is_to_vip(
        struct plain *s, const struct dp_tables *tables, uint32_t i, bool is_v6, uint64_t *same)
{
	struct lb_ip ip = destination(s, i, is_v6);

	if (dp_tables_vip(tables, &ip) == NULL)
		return false;
	*same = is_v6 ? same6(s, i) : same4(s, i);
	return true;
}

/* Decides the directions, among many addresses. What goes to one virtual address is found at once;
 * what goes to none, as answers do, mostly by an empty place where its hash points to. */
static inline __attribute__((always_inline)) void direct_many(
        struct plain *s, const struct dp_tables *tables, bool is_v6)
{
	const struct lb_index *index = tables->vip_index;
	const uint32_t mask = tables->vip_mask, nb_vips = tables->nb_vips;
	uint64_t hashes[DP_BURST] COLUMN, left = s->b->live, same;
	uint8_t *direction = s->b->keys.direction;

	memset(direction, nb_vips != 0 ? DP_TO_TARGET : DP_TO_CLIENT, DP_BURST);
	if (nb_vips == 0)
		return;
	while (left != 0 && is_to_vip(s, tables, (uint32_t)__builtin_ctzll(left), is_v6, &same))
		left &= ~same;
	if (left == 0)
		return;
	hash_destinations(s, is_v6, hashes);
	while (left != 0) {
		uint32_t i = dp_first(&left);
		const struct lb_index *place = &index[(uint32_t)hashes[i] & mask];

		if (__atomic_load_n(&place->row, __ATOMIC_RELAXED) - 1 < nb_vips &&
		        is_to_vip(s, tables, i, is_v6, &same))
			left &= ~same;
		else
			direction[i] = DP_TO_CLIENT;
	}
}

/* The same among few: equal lanes are all ones, and one more is 0. */
static void direct_few4(struct plain *s, const struct dp_tables *tables)
{
	static_assert(
	        DP_TO_TARGET == 0 && DP_TO_CLIENT == 1, "a direction is a comparison's result");
	for (uint32_t i = 0; i < s->b->n; i += LANES) {
		lanes destination = *(const lanes *)&s->destination[i], found = {0};

		for (uint32_t k = 0; k < tables->nb_few[0]; k++)
			found |= (lanes)(destination == tables->few4[k]);
		*(octets *)&s->b->keys.direction[i] =
		        __builtin_convertvector(found + DP_TO_CLIENT, octets);
	}
}

static void direct_few6(struct plain *s, const struct dp_tables *tables)
{
	const uint64_t(*to)[2] = s->words.halves[ROW_DESTINATION6];

	for (uint32_t i = 0; i < s->b->n; i += LANES / 2) {
		wide first = HALVES(to[i], 0), found = {0};
		wide second = HALVES(to[i], 1);

		for (uint32_t k = 0; k < tables->nb_few[1]; k++)
			found |= (wide)(first == tables->few6[k][0]) &
			         (wide)(second == tables->few6[k][1]);
		dp_column_narrow8(&s->b->keys.direction[i], found + DP_TO_CLIENT);
	}
}

static inline __attribute__((always_inline)) void direct(
        struct plain *s, const struct dp_tables *tables, bool is_v6)
{
	if (!tables->has_few)
		direct_many(s, tables, is_v6);
	else if (is_v6)
		direct_few6(s, tables);
	else
		direct_few4(s, tables);
}

/* All bits where the direction is to the target. */
static inline wide to_target(const struct dp_flow_keys *keys, uint32_t i)
{
	return (wide)(dp_column_widen8(&keys->direction[i]) == DP_TO_TARGET);
}

static inline wide choose(wide which, wide yes, wide no)
{
	return (which & yes) | (~which & no);
}

static void key4(const struct plain *s)
{
	struct dp_flow_keys *keys = &s->b->keys;

	for (uint32_t i = 0; i < s->b->n; i += LANES / 2) {
		wide ports = dp_column_widen32(&s->ports[i]), which = to_target(keys, i);
		wide from = dp_column_widen32(&s->source[i]) | (ports & 0xffff) << 32;
		wide to = dp_column_widen32(&s->destination[i]) | ports >> 16 << 32;

		*(wide *)&keys->client[0][i] =
		        choose(which, from, to) | dp_column_widen8(&s->b->protocol[i]) << 48;
		*(wide *)&keys->other[0][i] = choose(which, to, from);
	}
}

static void key6(const struct plain *s)
{
	struct dp_flow_keys *keys = &s->b->keys;

	for (uint32_t i = 0; i < s->b->n; i += LANES / 2) {
		wide ports = dp_column_widen32(&s->ports[i]), which = to_target(keys, i);
		wide from[2] = {HALVES(s->words.halves[ROW_SOURCE6][i], 0),
		        HALVES(s->words.halves[ROW_SOURCE6][i], 1)};
		wide to[2] = {HALVES(s->words.halves[ROW_DESTINATION6][i], 0),
		        HALVES(s->words.halves[ROW_DESTINATION6][i], 1)};

		for (uint32_t half = 0; half < 2; half++) {
			*(wide *)&keys->client[half][i] = choose(which, from[half], to[half]);
			*(wide *)&keys->other[half][i] = choose(which, to[half], from[half]);
		}
		*(wide *)&keys->client[2][i] = choose(which, ports & 0xffff, ports >> 16) |
		                               dp_column_widen8(&s->b->protocol[i]) << 16;
		*(wide *)&keys->other[2][i] = choose(which, ports >> 16, ports & 0xffff);
	}
}

void plain_keys(struct plain *s, const struct dp_tables *tables, bool is_v6)
{
	if (is_v6) {
		direct(s, tables, true);
		key6(s);
	} else {
		direct(s, tables, false);
		key4(s);
	}
}
