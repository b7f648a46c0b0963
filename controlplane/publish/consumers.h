/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Who runs which generation: commands to the dataplane's consumers over the rings, and their
 * acknowledgements. Time is passed in.
 *
 * A consumer has at most one command that it has not answered. So no ring of an honest peer is ever
 * full, a consumer that fell silent holds two generations and no more, what it runs and what it may
 * be about to run, and the others go on without it.
 */
#ifndef CP_CONSUMERS_H
#define CP_CONSUMERS_H

#include "build/generation.h"
#include "lb/msg.h"

#define CP_SILENT_AFTER_MS 1000

struct cp_consumer {
	struct cp_generation *running;
	struct cp_generation *commanded; /* announced and not answered; NULL: none */
	uint64_t sent_revision;          /* of the last command */
	uint64_t since_ms;               /* of the command, or since the ring is full */
	uint32_t seq;
	bool full;               /* its command ring has no room */
	bool broken;             /* a ring is corrupt: not touched any more */
	enum lb_refusal refusal; /* of the last command */
	uint64_t refused_revision;
};

struct cp_consumers {
	struct lb_rings *rings; /* not owned */
	uint32_t nb;
	struct cp_consumer of[LB_MAX_WORKERS + 1];
};

/* Takes the control plane's side of the rings over, from a predecessor that may have died in them.
 * Everybody runs 'running' until it says otherwise. */
void cp_consumers_init(struct cp_consumers *consumers, struct lb_rings *rings, uint32_t nb,
        struct cp_generation *running);

/* What a consumer's command ring holds unread, and the last command in it, read or not: whatever it
 * may be about to run. Returns how many, at most LB_RING_SLOTS. */
uint32_t cp_consumers_peek(
        const struct lb_rings *rings, uint32_t consumer, struct lb_msg msgs[LB_RING_SLOTS]);

/* Announces 'newest' to everybody who has answered and was not sent it yet. */
void cp_consumers_send(
        struct cp_consumers *consumers, struct cp_generation *newest, uint64_t now_ms);

/* Reads acknowledgements. True if any consumer moved. */
bool cp_consumers_poll(struct cp_consumers *consumers);

/* Whether anybody runs the generation, or may be about to. */
bool cp_consumers_use(const struct cp_consumers *consumers, const struct cp_generation *generation);

/* The revision that everybody runs at least. */
uint64_t cp_consumers_acknowledged(const struct cp_consumers *consumers);

/* Whether somebody owes an answer since less than 'ms', or at all when that is UINT64_MAX. Those
 * with broken rings owe nothing: they can't pay. */
bool cp_consumers_owe(const struct cp_consumers *consumers, uint64_t now_ms, uint64_t ms);

/* Whether anybody could be sent a command: somebody owes nothing and is not broken. */
bool cp_consumers_ready(const struct cp_consumers *consumers);

/* A bitmap of the first 32 that owe an answer for over CP_SILENT_AFTER_MS, or are broken. */
uint32_t cp_consumers_silent(const struct cp_consumers *consumers, uint64_t now_ms);

/* What is wrong with any of them, or an empty text. */
void cp_consumers_problem(const struct cp_consumers *consumers, char *text, size_t len);

#endif
