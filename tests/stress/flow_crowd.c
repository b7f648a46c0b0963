/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Threads that do everything to one flow table at once.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "flow_crowd.h"

/* Settled and passing flows share client ports, and so buckets and overflow lines: what passes
 * moves what is settled from slot to slot. */
static struct spec numbered(uint32_t group, uint16_t place)
{
	return (struct spec){group, (uint16_t)(1000 + group), place, place, IPPROTO_TCP, group % 2};
}

struct spec crowd_settled(uint32_t i)
{
	return numbered(i % 60, (uint16_t)(i / 60));
}

struct spec crowd_passing(uint32_t i)
{
	return numbered(i % 60, (uint16_t)(CROWD_SETTLED / 60 + i / 60));
}

bool crowd_is(const struct spec *s, enum dp_direction direction, const struct dp_flow *flow)
{
	struct dp_flow_target target = flow_target(s);
	struct lb_ip want = flow_ip(direction == DP_TO_TARGET ? 30 : 20, s->vip, s->is_v6);
	struct lb_ip to = flow_to_ip(flow, s->is_v6);

	return lb_ip_equal(&to, &want) &&
	       flow_to_port(flow, s->is_v6) == htons(direction == DP_TO_TARGET ? 8080 : 80) &&
	       flow->slot == target.slot && flow->epoch == target.epoch &&
	       flow->listener == target.listener;
}

struct dp_flow_config crowd_config(const char *path)
{
	return (struct dp_flow_config){.path = path,
	        .ipv4_flows = CROWD_CAPACITY,
	        .ipv6_flows = CROWD_CAPACITY,
	        .nb_workers = CROWD_THREADS,
	        .client_limit = 128,
	        .counters = true};
}

void crowd_settle(struct dp_flow_table *t)
{
	for (uint32_t i = 0; i < CROWD_SETTLED; i++) {
		struct spec s = crowd_settled(i);

		if (!flow_open(t, 0, &s, 1))
			abort();
	}
}

struct crowd_worker {
	struct dp_flow_table *t;
	uint32_t worker;
	unsigned int random;
	struct crowd_count *count;
};

static void wrong(struct crowd_worker *w, const char *what)
{
	if (w->count->wrong == NULL)
		w->count->wrong = what;
}

static void look_up_settled(struct crowd_worker *w)
{
	enum dp_direction direction = rand_r(&w->random) % 2 ? DP_TO_TARGET : DP_TO_CLIENT;
	struct dp_flow_key keys[16];
	struct dp_flow flows[16];
	struct spec specs[16];
	uint32_t numbers[16];
	uint64_t hashes[16], hits;

	for (uint32_t i = 0; i < 16; i++) {
		numbers[i] = (uint32_t)rand_r(&w->random) % CROWD_SETTLED;
		specs[i] = crowd_settled(numbers[i]);
		keys[i] = flow_key(&specs[i], direction);
	}
	hits = flow_lookup(w->t, keys, 16, hashes, flows);
	if (hits != 0xffff)
		wrong(w, "a settled flow was not found");
	for (uint32_t i = 0; i < 16; i++) {
		if ((hits >> i & 1) && !crowd_is(&specs[i], direction, &flows[i]))
			wrong(w, "a settled flow with another's values");
		if (!(hits >> i & 1))
			continue;
		if (flow_idle_timeout(w->t, &flows[i]) != flow_target(&specs[i]).idle_timeout_s)
			wrong(w, "a settled flow with another's idle timeout");
		dp_flow_touch(
		        w->t, &flows[i], direction, TCP_ACK, 1 + (uint32_t)rand_r(&w->random) % 4);
		dp_flow_count(dp_flow_tally(w->t, w->worker), &flows[i], direction, 1000 + i,
		        rand_r(&w->random) % 100 ? TCP_ACK : TCP_FIN);
		w->count->settled[numbers[i]].packets[direction]++;
		w->count->settled[numbers[i]].bytes[direction] += 1000 + i;
	}
	w->count->hits += 16;
}

static void insert(struct crowd_worker *w, const struct spec *s)
{
	struct inserted in = flow_put(w->t, w->worker, s, TCP_SYN, 2);

	w->count->inserted += in.result == DP_FLOW_INSERTED;
	w->count->full += in.result == DP_FLOW_FULL;
	w->count->ended += in.nb_ended;
	if (in.result != DP_FLOW_INSERTED && in.result != DP_FLOW_EXISTS &&
	        in.result != DP_FLOW_FULL)
		wrong(w, "an insertion was refused for no reason");
	if (in.result != DP_FLOW_FULL && !crowd_is(s, DP_TO_TARGET, &in.flow))
		wrong(w, "an inserted flow with another's values");
	for (uint32_t i = 0; i < in.nb_ended; i++)
		if (in.ended[i].slot < CROWD_SETTLED / 60)
			wrong(w, "a settled flow was evicted");
}

static void pass(struct crowd_worker *w)
{
	struct spec s = crowd_passing((uint32_t)rand_r(&w->random) % CROWD_PASSING);
	enum dp_direction direction = rand_r(&w->random) % 2 ? DP_TO_TARGET : DP_TO_CLIENT;
	struct dp_flow flow;

	if (!flow_get(w->t, &s, direction, &flow)) {
		w->count->misses++;
		insert(w, &s);
		return;
	}
	if (!crowd_is(&s, direction, &flow))
		wrong(w, "a passing flow with another's values");
	dp_flow_count(dp_flow_tally(w->t, w->worker), &flow, direction, 77, TCP_ACK);
	if (rand_r(&w->random) % 2)
		dp_flow_touch(w->t, &flow, direction, TCP_RST, 3);
	else
		w->count->ended += dp_flow_remove(w->t, w->worker, &flow);
}

/* Half-open and reset flows of second 2 have expired at 40; open ones of second 1 have not. */
static void age(struct crowd_worker *w)
{
	struct dp_flow_ended ended[8];
	uint32_t now = 40 + (uint32_t)rand_r(&w->random) % 8;
	uint32_t n = dp_flow_age(w->t, w->worker, 20, now, NULL, 0, ended, 8);

	w->count->ended += n;
	for (uint32_t i = 0; i < n; i++)
		if (ended[i].slot < CROWD_SETTLED / 60)
			wrong(w, "a settled flow was aged out");
}

void crowd_work(struct dp_flow_table *t, uint32_t worker, uint32_t steps, uint32_t seed,
        struct crowd_count *count)
{
	struct crowd_worker w = {t, worker, seed, count};

	for (uint32_t i = 0; i < steps && count->wrong == NULL; i++) {
		int dice = rand_r(&w.random) % 100;

		if (dice < 15)
			look_up_settled(&w);
		else if (dice < 97)
			pass(&w);
		else
			age(&w);
	}
}

const char *crowd_check_counts(
        struct dp_flow_table *t, const struct crowd_count *const *counts, uint32_t n)
{
	for (uint32_t i = 0; i < 2 * n * 64; i++)
		dp_flow_age(t, i % n, 0, 100 + i / (n * 64), NULL, 0, NULL, 1);
	for (uint32_t i = 0; i < CROWD_SETTLED; i++) {
		struct dp_flow_counts expected = {0}, counted;
		struct spec s = crowd_settled(i);
		struct dp_flow flow;

		for (uint32_t w = 0; w < n; w++)
			for (uint32_t d = 0; d < 2; d++) {
				expected.packets[d] += counts[w]->settled[i].packets[d];
				expected.bytes[d] += counts[w]->settled[i].bytes[d];
			}
		if (!flow_get(t, &s, DP_TO_TARGET, &flow) || !dp_flow_counts(t, &flow, &counted))
			return "a settled flow without counts";
		if (memcmp(&counted, &expected, sizeof(counted)) != 0)
			return "a settled flow with other counts";
		if (flow_wrong(t, &s) != NULL)
			return flow_wrong(t, &s);
	}
	return NULL;
}

struct tally {
	uint32_t settled[60][CROWD_SETTLED / 60];
	uint32_t passing[60][CROWD_PASSING / 60];
	uint64_t n;
	bool twice, foreign;
};

static void visit(void *arg, const struct dp_flow_key *key, const struct dp_flow *flow)
{
	struct tally *tally = arg;
	uint32_t group = (uint32_t)ntohs(key->client_port) - 1000, place = flow->slot;
	uint32_t *seen = NULL;

	if (group < 60 && place < CROWD_SETTLED / 60)
		seen = &tally->settled[group][place];
	else if (group < 60 && place < (CROWD_SETTLED + CROWD_PASSING) / 60)
		seen = &tally->passing[group][place - CROWD_SETTLED / 60];
	tally->foreign = tally->foreign || seen == NULL;
	if (seen != NULL)
		tally->twice = tally->twice || (*seen)++ != 0;
	tally->n++;
}

const char *crowd_check(const struct dp_flow_table *t, uint64_t *nb_flows)
{
	struct tally tally = {0};

	dp_flow_walk(t, visit, &tally);
	*nb_flows = tally.n;
	if (tally.foreign)
		return "a flow that nobody put in";
	if (tally.twice)
		return "a flow is there twice";
	if (tally.n != flow_used(t))
		return "the usage is another than the number of flows";
	for (uint32_t i = 0; i < CROWD_SETTLED; i++) {
		struct spec s = crowd_settled(i);

		if (flow_wrong(t, &s) != NULL)
			return flow_wrong(t, &s);
	}
	return NULL;
}
