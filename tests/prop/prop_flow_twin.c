/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Random operations on a tiny flow table and on its naive twin, an array that is searched from end
 * to end: after each they must agree. What the table may choose for itself, whom to evict, the twin
 * checks against the rule and then follows.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "flow_fixture.h"

#define CLIENTS    4
#define PORTS      2
#define VIPS       8
#define TARGETS    8
#define CAPACITY   24 /* of IPv4 flows; half as many IPv6 */
#define LIMIT      5
#define ROUNDS     400000 /* at least, and until everything was seen often enough */
#define ROUNDS_MAX (20 * ROUNDS)
#define UDP_S      120

struct twin_flow {
	bool used;
	struct spec spec;
	uint32_t id; /* the slot, a number of its own for each flow that ever was */
	uint32_t epoch, last_seen;
	uint8_t state;
	bool answered, went_on; /* the target has, and then the client again */
};

static struct twin_flow twin[CAPACITY * 2];
static struct dp_flow_table *table;
static uint32_t now = 1, last_id, epoch = 1, round_now, seed;
static uint32_t results[DP_FLOW_FULL + 1], evicted, expired, gone;

static void fail(const char *what)
{
	fprintf(stderr, "seed %u, operation %u: %s\n", seed, round_now, what);
	exit(1);
}

static bool same_client(const struct spec *a, const struct spec *b)
{
	return a->client == b->client && a->port == b->port && a->protocol == b->protocol &&
	       a->is_v6 == b->is_v6;
}

static struct twin_flow *twin_find(const struct spec *s, enum dp_direction direction)
{
	for (uint32_t i = 0; i < CAPACITY * 2; i++) {
		struct twin_flow *f = &twin[i];

		if (f->used && same_client(&f->spec, s) &&
		        (direction == DP_TO_TARGET ? f->spec.vip == s->vip
		                                   : f->spec.target == s->target))
			return f;
	}
	return NULL;
}

static struct twin_flow *twin_by_id(uint32_t id)
{
	for (uint32_t i = 0; i < CAPACITY * 2; i++)
		if (twin[i].used && twin[i].id == id)
			return &twin[i];
	fail("the table ended a flow that is not there");
	return NULL;
}

static uint32_t twin_count(bool is_v6)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < CAPACITY * 2; i++)
		n += twin[i].used && twin[i].spec.is_v6 == is_v6;
	return n;
}

static bool twin_expired(const struct twin_flow *f)
{
	uint32_t timeout = UDP_S;

	switch (f->state) {
	case DP_TCP_NONE:
	case DP_UDP_ANSWERED:
	case DP_UDP_OPEN:
		break;
	case DP_TCP_SYN_SENT:
	case DP_TCP_SYN_RECEIVED:
	case DP_TCP_ADOPTED:
		timeout = 30;
		break;
	case DP_TCP_ESTABLISHED:
	case DP_TCP_CLIENT_FIN:
	case DP_TCP_TARGET_FIN:
		timeout = flow_target(&f->spec).idle_timeout_s;
		break;
	default:
		timeout = 15;
	}
	return now > f->last_seen + timeout;
}

/* Whether a full table must keep it. */
static bool twin_keeps(const struct twin_flow *f)
{
	if (twin_expired(f))
		return false;
	if (f->spec.protocol == IPPROTO_UDP)
		return f->went_on;
	return f->state == DP_TCP_ESTABLISHED || f->state == DP_TCP_CLIENT_FIN ||
	       f->state == DP_TCP_TARGET_FIN;
}

static bool twin_over(const struct twin_flow *f)
{
	return twin_expired(f) ||
	       (f->spec.protocol == IPPROTO_TCP && f->state >= DP_TCP_CLIENT_CLOSED);
}

static struct spec random_spec(void)
{
	return (struct spec){
	        .client = (uint32_t)random() % CLIENTS,
	        .port = (uint16_t)(4000 + random() % PORTS),
	        .vip = (uint16_t)(random() % VIPS),
	        .target = (uint16_t)(random() % TARGETS),
	        .protocol = random() % 3 ? IPPROTO_TCP : IPPROTO_UDP,
	        .is_v6 = random() % 3 == 0,
	};
}

/* For a quarter of the time nobody closes or leaves, and the clock stands: the table fills with
 * open flows, which is when it refuses new ones. */
static bool is_crowded(void)
{
	return round_now / 1000 % 4 == 3;
}

static uint8_t random_flags(void)
{
	static const uint8_t flags[] = {TCP_SYN, TCP_SYN, TCP_SYN | TCP_ACK, TCP_SYN | TCP_ACK,
	        TCP_ACK, TCP_ACK, TCP_ACK, TCP_ACK, TCP_ACK, TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST};

	if (is_crowded())
		return random() % 2 ? TCP_SYN | TCP_ACK : TCP_ACK;
	return flags[random() % (long)sizeof(flags)];
}

/* What the naive rules expect of an insertion; FULL is the table's own to say. */
static enum dp_flow_result expected_result(const struct spec *s, struct twin_flow **way)
{
	struct twin_flow *collision = twin_find(s, DP_TO_CLIENT);
	uint32_t n = 0;
	bool one_over = false;

	*way = NULL;
	if (twin_find(s, DP_TO_TARGET) != NULL)
		return DP_FLOW_EXISTS;
	for (uint32_t i = 0; i < CAPACITY * 2; i++)
		if (twin[i].used && same_client(&twin[i].spec, s)) {
			n++;
			one_over = one_over || twin_over(&twin[i]);
		}
	if (collision != NULL) {
		*way = collision;
		return twin_over(collision) ? DP_FLOW_INSERTED : DP_FLOW_COLLISION;
	}
	return n < LIMIT || one_over ? DP_FLOW_INSERTED : DP_FLOW_CLIENT_LIMIT;
}

static void twin_follow(const struct dp_flow_ended *ended, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct twin_flow *f = twin_by_id(ended[i].slot);

		if (twin_keeps(f))
			fail("an open flow was taken out for a new one");
		if (ended[i].reason == LB_COUNTER_FLOWS_EVICTED && twin_expired(f))
			fail("an expired flow was counted as evicted");
		if (ended[i].reason == LB_COUNTER_FLOWS_EXPIRED && !twin_over(f))
			fail("a live flow was counted as expired");
		evicted += ended[i].reason == LB_COUNTER_FLOWS_EVICTED;
		f->used = false;
	}
}

static void twin_add(const struct spec *s, uint8_t flags)
{
	uint32_t i = 0;

	while (twin[i].used)
		i++;
	twin[i] = (struct twin_flow){.used = true,
	        .spec = *s,
	        .id = last_id,
	        .epoch = epoch,
	        .last_seen = now,
	        .state = s->protocol == IPPROTO_TCP ? dp_tcp_first(flags) : DP_TCP_NONE};
}

static void op_insert(void)
{
	struct spec s = random_spec();
	uint8_t flags = s.protocol == IPPROTO_TCP ? random_flags() : 0;
	struct dp_flow_key key = flow_key(&s, DP_TO_TARGET);
	struct dp_flow_target target = flow_target(&s);
	struct inserted in;
	struct twin_flow *way;
	uint32_t room = s.is_v6 ? CAPACITY / 2 : CAPACITY;
	bool was_full = twin_count(s.is_v6) == room;
	enum dp_flow_result expected = expected_result(&s, &way), result;

	target.slot = ++last_id;
	target.epoch = epoch;
	in = flow_put_key(table, 0, &key, &target, flags, now);
	result = in.result;
	results[result]++;
	if (result == DP_FLOW_FULL ? !was_full || expected != DP_FLOW_INSERTED : result != expected)
		fail("another result than the naive table's");
	if (in.nb_ended != 0 &&
	        (result != DP_FLOW_INSERTED || (way != NULL && in.ended[0].slot != way->id)))
		fail("a flow had to go, and should not");
	twin_follow(in.ended, in.nb_ended);
	if (result == DP_FLOW_INSERTED)
		twin_add(&s, flags);
	if (result == DP_FLOW_EXISTS && in.flow.slot != twin_find(&s, DP_TO_TARGET)->id)
		fail("another winner");
	if (result == DP_FLOW_INSERTED && in.flow.slot != last_id)
		fail("another flow than the one put in");
}

static void assert_same(const struct twin_flow *f, const struct dp_flow *flow)
{
	if (flow->slot != f->id || flow->epoch != f->epoch || flow->state != f->state ||
	        flow->last_seen != f->last_seen ||
	        !(flow->flags & DP_FLOW_ANSWERED) != !f->answered)
		fail("a flow with other values");
}

static void op_packet(void)
{
	struct spec s = random_spec();
	enum dp_direction direction = random() % 2 ? DP_TO_TARGET : DP_TO_CLIENT;
	uint8_t flags = s.protocol == IPPROTO_TCP ? random_flags() : 0;
	struct twin_flow *f = twin_find(&s, direction);
	struct dp_flow flow;

	if (flow_get(table, &s, direction, &flow) != (f != NULL))
		fail(f != NULL ? "a flow was not found" : "a false hit");
	if (f == NULL)
		return;
	assert_same(f, &flow);
	dp_flow_touch(table, &flow, direction, flags, now);
	f->state = dp_tcp_step(f->state, direction, flags);
	f->last_seen = now;
	f->went_on = f->went_on || (f->answered && direction == DP_TO_TARGET);
	f->answered = f->answered || direction == DP_TO_CLIENT;
}

static void op_remove(void)
{
	struct spec s = random_spec();
	struct twin_flow *f = twin_find(&s, DP_TO_TARGET);
	struct dp_flow flow;

	if (!flow_get(table, &s, DP_TO_TARGET, &flow)) {
		if (f != NULL)
			fail("a flow was not found");
		return;
	}
	if (!dp_flow_remove(table, 0, &flow) || dp_flow_remove(table, 0, &flow))
		fail("a flow must be removed once");
	f->used = false;
}

/* All flows have ids as slots and the epoch of their time; now and then an old epoch ends. */
static void op_age(void)
{
	static uint32_t epochs[ROUNDS_MAX + 1];
	struct dp_flow_ended ended[CAPACITY * 2];
	bool by_epoch = random() % 8 == 0;
	uint32_t n;

	for (uint32_t i = 0; by_epoch && i < CAPACITY * 2; i++)
		if (twin[i].used)
			epochs[twin[i].id] = random() % 4 ? twin[i].epoch : twin[i].epoch + 1;
	n = dp_flow_age(table, 0, UINT32_MAX, now, by_epoch ? epochs : NULL, last_id + 1, ended,
	        CAPACITY * 2);
	for (uint32_t i = 0; i < n; i++) {
		struct twin_flow *f = twin_by_id(ended[i].slot);
		bool was_expired = twin_expired(f);

		if (was_expired != (ended[i].reason == LB_COUNTER_FLOWS_EXPIRED))
			fail("aged out for another reason");
		if (!was_expired && !(by_epoch && epochs[f->id] != f->epoch))
			fail("aged out and should not");
		expired += was_expired;
		gone += !was_expired;
		f->used = false;
	}
	for (uint32_t i = 0; i < CAPACITY * 2; i++)
		if (twin[i].used && (twin_expired(&twin[i]) ||
		                            (by_epoch && epochs[twin[i].id] != twin[i].epoch)))
			fail("not aged out");
	epoch++;
}

static void visit(void *arg, const struct dp_flow_key *key, const struct dp_flow *flow)
{
	struct twin_flow *f = twin_by_id(flow->slot);
	struct dp_flow_key expected = flow_key(&f->spec, DP_TO_TARGET);
	struct dp_flow_target target = flow_target(&f->spec);
	struct lb_ip to;

	if (memcmp(&expected, key, sizeof(expected)) != 0)
		fail("listed with another key");
	assert_same(f, flow);
	to = flow_to_ip(flow, key->is_v6);
	if (memcmp(&to, &target.ip, sizeof(to)) != 0)
		fail("listed with another target");
	++*(uint32_t *)arg;
}

static void op_compare(void)
{
	struct dp_flow_usage usage;
	uint32_t n = 0;

	dp_flow_walk(table, visit, &n);
	dp_flow_usage(table, &usage);
	if (n != twin_count(false) + twin_count(true))
		fail("the walk shows another number of flows");
	if (usage.used[0] != twin_count(false) || usage.used[1] != twin_count(true))
		fail("the usage is another");
}

static void step(void)
{
	long dice = random() % 100;
	bool ends = dice >= 85 && dice < 95;

	if (dice < (is_crowded() ? 75 : 55) || (ends && is_crowded()))
		op_packet();
	else if (dice < 85)
		op_insert();
	else if (dice < 90)
		op_remove();
	else if (dice < 94)
		now += (uint32_t)random() % 8;
	else if (dice < 95)
		op_age();
	else
		op_compare();
}

/* Nothing is proven about what never happened. How often a table is full depends on its secret. */
static const char *scarce(void)
{
	for (uint32_t i = 0; i <= DP_FLOW_FULL; i++)
		if (results[i] < 20)
			return "a result was hardly ever seen";
	if (evicted < 100 || expired < 100 || gone < 100)
		return "a kind of end was hardly ever seen";
	return NULL;
}

int main(int argc, char **argv)
{
	struct dp_flow_config config = {.ipv4_flows = CAPACITY,
	        .ipv6_flows = CAPACITY / 2,
	        .nb_workers = 1,
	        .client_limit = LIMIT,
	        .udp_timeout_s = UDP_S};

	seed = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 1;
	srandom(seed);
	table = flow_table_open(&config, NULL);
	for (; round_now < ROUNDS || (scarce() != NULL && round_now < ROUNDS_MAX); round_now++)
		step();
	op_compare();
	dp_flow_close(table);
	printf("inserted %u, exists %u, collision %u, client limit %u, full %u, evicted %u, "
	       "expired %u, target gone %u\n",
	        results[0], results[1], results[2], results[3], results[4], evicted, expired, gone);
	if (scarce() != NULL)
		fail(scarce());
	return 0;
}
