/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The packet path's cost: the real dp_pipeline_run() over packets in memory, forward and return, at
 * 1, 64 Ki and 1 Mi flows in random order, beside 'touch', a loop that only swaps the 5-tuple of
 * the same packets. Absolute figures are the machine's; the ratio is the program's.
 *
 * A batch of packets, larger than the second-level cache, is written first and timed afterwards, so
 * making packets costs the figures nothing, and headers come from as far away as a network card
 * would have put them. Every cell is run several times, touch in between; medians are reported.
 */
#include <netinet/in.h>
#include <rte_cycles.h>
#include <rte_prefetch.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pipeline_rig.h"

#define BATCH     16384u
#define MAX_FLOWS (1u << 20)
#define MAX_RUNS  31u

struct figures {
	uint32_t n;
	double ns[MAX_RUNS];
};

struct bench {
	struct rig *rig;
	struct rte_mbuf *batch[BATCH];
	uint8_t *targets; /* of each flow, by its number: the last byte of its target's address.
	                     All else in its packets follows from the number */
	uint32_t passes, runs;
	bool v6;
};

struct cell {
	bool v6, to_client;
	uint32_t flows;
	struct figures pipeline, touch;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_pipeline: %s\n", what);
	exit(1);
}

/* The spec of flow 'i': a million clients of one listener. */
static struct frame_spec forward_spec(const struct bench *b, uint32_t i)
{
	struct frame_spec s = rig_to_vip(b->v6 ? "fd00:90::10" : "10.90.0.10", 80, IPPROTO_TCP, 0);
	uint8_t *low = s.src.bytes + 13;

	low[0] = (uint8_t)(i >> 16);
	low[1] = (uint8_t)(i >> 8);
	low[2] = (uint8_t)i;
	s.src_port = (uint16_t)(20000 + i % 1000);
	s.payload = 0;
	return s;
}

/* Writes the headers of flow 'i' over a packet that was made from the same template. */
static void write_flow(const struct bench *b, const struct frame *template, bool to_client,
        struct rte_mbuf *m, uint32_t i)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t client_at = 14 + (b->v6 ? (to_client ? 24 : 8) : (to_client ? 16 : 12));
	uint32_t address_len = b->v6 ? 16 : 4;
	uint8_t *low = frame + client_at + address_len - 3;
	uint16_t port = rte_cpu_to_be_16((uint16_t)(20000 + i % 1000));

	memcpy(frame, template->bytes, template->len);
	low[0] = (uint8_t)(i >> 16);
	low[1] = (uint8_t)(i >> 8);
	low[2] = (uint8_t)i;
	memcpy(frame + template->l4 + (to_client ? 2 : 0), &port, sizeof(port));
	if (to_client)
		frame[14 + (b->v6 ? 8 : 12) + address_len - 1] = b->targets[i];
	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static struct frame make_template(const struct bench *b, bool to_client)
{
	struct frame_spec s = forward_spec(b, 0);
	struct frame f;

	if (to_client) {
		struct lb_ip target = rig_target(b->v6 ? 4 : 0);
		struct frame_spec forwarded = rig_forwarded(&s, 1, &target, RIG_TARGET_PORT);

		s = rig_answer(&forwarded);
	}
	s.tcp_flags = RTE_TCP_ACK_FLAG;
	frame_build(&f, &s);
	return f;
}

static void fill_batch(
        struct bench *b, const struct cell *c, const struct frame *template, uint32_t *random)
{
	for (uint32_t k = 0; k < BATCH; k++)
		write_flow(b, template, c->to_client, b->batch[k],
		        c->flows == 1 ? 0 : next_random(random) & (c->flows - 1));
}

/* Empties the queues; all packets must have been forwarded, or the figures would be wrong. */
static void take_sent(struct rig *rig)
{
	if (rig->ctx.out[0].n + rig->ctx.out[1].n != DP_BURST)
		die("a packet was not forwarded");
	rig->ctx.out[0].n = 0;
	rig->ctx.out[1].n = 0;
}

/* Of this thread alone: what else runs on the machine does not count. */
static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t run_pipeline(struct bench *b, uint16_t port)
{
	uint64_t start = cpu_ns();

	for (uint32_t k = 0; k < BATCH; k += DP_BURST) {
		dp_pipeline_run(&b->rig->ctx, b->batch + k, DP_BURST, port);
		take_sent(b->rig);
	}
	return cpu_ns() - start;
}

static void swap(uint8_t *a, uint8_t *b, uint32_t len)
{
	uint8_t c[16];

	memcpy(c, a, len);
	memcpy(a, b, len);
	memcpy(b, c, len);
}

/* Reads what it must to find the headers, and swaps all addresses and ports. */
static void touch_packet(struct rte_mbuf *m)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *l4;

	swap(frame, frame + 6, 6);
	if (frame[14] >> 4 == 4) {
		swap(frame + 26, frame + 30, 4);
		l4 = frame + 14 + (frame[14] & 15) * 4;
	} else {
		swap(frame + 22, frame + 38, 16);
		l4 = frame + 54;
	}
	swap(l4, l4 + 2, 2);
}

static uint64_t run_touch(struct bench *b)
{
	uint64_t start = cpu_ns();

	for (uint32_t k = 0; k < BATCH; k += DP_BURST) {
		for (uint32_t i = 0; i < DP_BURST; i++)
			rte_prefetch0(rte_pktmbuf_mtod(b->batch[k + i], void *));
		for (uint32_t i = 0; i < DP_BURST; i++)
			touch_packet(b->batch[k + i]);
	}
	return cpu_ns() - start;
}

/* One run of a cell: so many batches of the pipeline, and as many of touch. */
static void run_cell(struct bench *b, struct cell *c, const struct frame *template)
{
	uint64_t pipeline = 0, touch = 0;
	uint32_t random = 0x9e3779b9u + c->pipeline.n;
	double packets = (double)b->passes * BATCH;

	for (uint32_t pass = 0; pass < b->passes; pass++) {
		fill_batch(b, c, template, &random);
		pipeline += run_pipeline(b, c->to_client ? 1 : 0);
		fill_batch(b, c, template, &random);
		touch += run_touch(b);
	}
	c->pipeline.ns[c->pipeline.n++] = (double)pipeline / packets;
	c->touch.ns[c->touch.n++] = (double)touch / packets;
}

/* Establishes flows 0 .. MAX_FLOWS-1 of a family, and remembers their targets. */
static void make_flows(struct bench *b)
{
	struct frame template = make_template(b, false), answer = make_template(b, true);
	uint32_t last = 14 + (b->v6 ? 39 : 19);

	template.bytes[template.l4 + 13] = RTE_TCP_SYN_FLAG;
	answer.bytes[answer.l4 + 13] = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG;
	for (uint32_t at = 0; at < MAX_FLOWS; at += BATCH) {
		for (uint32_t k = 0; k < BATCH; k++)
			write_flow(b, &template, false, b->batch[k], at + k);
		run_pipeline(b, 0);
		for (uint32_t k = 0; k < BATCH; k++)
			b->targets[at + k] = rte_pktmbuf_mtod(b->batch[k], uint8_t *)[last];
		for (uint32_t k = 0; k < BATCH; k++)
			write_flow(b, &answer, true, b->batch[k], at + k);
		run_pipeline(b, 1);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(struct figures *f)
{
	qsort(f->ns, f->n, sizeof(f->ns[0]), compare);
	return f->ns[f->n / 2];
}

static void print_table(struct cell *cells, uint32_t nb)
{
	printf("%-6s %-10s %9s %27s %20s %8s\n", "family", "direction", "flows",
	        "ns/packet  median (min-max)", "touch", "ratio");
	for (uint32_t i = 0; i < nb; i++) {
		struct cell *c = &cells[i];
		double p = median(&c->pipeline), t = median(&c->touch);

		printf("%-6s %-10s %9u %12.2f (%5.2f-%6.2f) %6.2f (%5.2f-%5.2f) %8.2f\n",
		        c->v6 ? "ipv6" : "ipv4", c->to_client ? "to client" : "to target", c->flows,
		        p, c->pipeline.ns[0], c->pipeline.ns[c->pipeline.n - 1], t, c->touch.ns[0],
		        c->touch.ns[c->touch.n - 1], p / t);
	}
}

static void print_figures(struct figures *f)
{
	double m = median(f);

	printf("\"ns_per_packet\": %.3f, \"min\": %.3f, \"max\": %.3f, \"runs\": %u, \"mpps\": "
	       "%.3f",
	        m, f->ns[0], f->ns[f->n - 1], f->n, 1e3 / m);
}

static void print_json(struct cell *cells, uint32_t nb, bool huge)
{
	printf("{\"machine\": {\"tsc_hz\": %lu, \"hugepages\": %s},\n \"references\": [\n",
	        rte_get_tsc_hz(), huge ? "true" : "false");
	for (uint32_t i = 0; i < nb; i++) {
		printf("  {\"name\": \"touch\", \"family\": \"%s\", \"flows\": %u, ",
		        cells[i].v6 ? "ipv6" : "ipv4", cells[i].flows);
		print_figures(&cells[i].touch);
		printf("}%s\n", i + 1 < nb ? "," : "],");
	}
	printf(" \"cells\": [\n");
	for (uint32_t i = 0; i < nb; i++) {
		printf("  {\"name\": \"hit\", \"family\": \"%s\", \"direction\": \"%s\", "
		       "\"flows\": %u, \"workers\": 1, ",
		        cells[i].v6 ? "ipv6" : "ipv4", cells[i].to_client ? "return" : "forward",
		        cells[i].flows);
		print_figures(&cells[i].pipeline);
		printf(", \"ratio_to_touch\": %.3f}%s\n",
		        median(&cells[i].pipeline) / median(&cells[i].touch),
		        i + 1 < nb ? "," : "]}");
	}
}

static void allocate(struct bench *b)
{
	struct frame template;

	b->targets = malloc(MAX_FLOWS);
	if (b->targets == NULL)
		die("no memory for a million flows");
	template = make_template(b, false);
	for (uint32_t k = 0; k < BATCH; k++)
		b->batch[k] = rig_mbuf(b->rig, template.bytes, template.len);
}

/* The packets of one family are 20 bytes longer than those of the other. */
static void set_family(struct bench *b, bool v6)
{
	struct frame template;

	b->v6 = v6;
	template = make_template(b, false);
	for (uint32_t k = 0; k < BATCH; k++)
		b->batch[k]->data_len = b->batch[k]->pkt_len = template.len;
}

static void run_family(struct bench *b, bool v6, struct cell *cells, uint32_t nb)
{
	set_family(b, v6);
	make_flows(b);
	for (uint32_t run = 0; run < b->runs; run++) {
		for (uint32_t i = 0; i < nb; i++) {
			struct frame template;

			if (cells[i].v6 != v6)
				continue;
			template = make_template(b, cells[i].to_client);
			run_cell(b, &cells[i], &template);
		}
	}
}

int main(int argc, char **argv)
{
	struct rig_config config = {
	        .flows = MAX_FLOWS + MAX_FLOWS / 8, .packets = BATCH + 64, .huge = true};
	static const uint32_t flows[] = {1, 1u << 16, MAX_FLOWS};
	static struct bench b = {.passes = 32, .runs = 7};
	struct cell cells[12] = {0};
	bool json = false, huge;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--quick") == 0)
			b.passes = 8;
		else
			die("usage: bench_pipeline [--json] [--quick]");
	}
	for (uint32_t i = 0; i < RTE_DIM(cells); i++)
		cells[i] =
		        (struct cell){.v6 = i >= 6, .to_client = i % 2, .flows = flows[i % 6 / 2]};
	huge = rig_eal(true);
	b.rig = rig_create(&config);
	allocate(&b);
	run_family(&b, false, cells, RTE_DIM(cells));
	run_family(&b, true, cells, RTE_DIM(cells));
	if (json) {
		print_json(cells, RTE_DIM(cells), huge);
	} else {
		printf("packets in %s pages, %u packets a run, %u runs\n", huge ? "huge" : "4 KiB",
		        b.passes * BATCH, b.runs);
		print_table(cells, RTE_DIM(cells));
	}
	return 0;
}
