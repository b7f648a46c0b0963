/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See consumers.h.
 */
#include "publish/consumers.h"

#include <errno.h>
#include <stdio.h>

static const char *const refusal_texts[] = {
        [LB_REFUSAL_NONE] = "no reason given",
        [LB_REFUSAL_UNKNOWN_TYPE] = "it does not know the command",
        [LB_REFUSAL_BAD_OFFSET] = "it is outside of the tables segment",
        [LB_REFUSAL_BAD_HEADER] = "its magic number, size or revision is wrong",
        [LB_REFUSAL_BAD_BOUNDS] = "an array in it is out of bounds",
};

void cp_consumers_init(struct cp_consumers *consumers, struct lb_rings *rings, uint32_t nb,
        struct cp_generation *running)
{
	*consumers = (struct cp_consumers){.rings = rings, .nb = nb};
	for (uint32_t i = 0; i < nb; i++) {
		struct cp_consumer *c = &consumers->of[i];
		struct rte_ring *commands = lb_command_ring(rings, i);
		struct rte_ring *acks = lb_ack_ring(rings, i);

		c->running = running;
		c->broken = !lb_ring_sane(commands) || !lb_ring_sane(acks);
		if (c->broken)
			continue;
		lb_ring_recover(commands, LB_RING_PRODUCER);
		lb_ring_recover(acks, LB_RING_CONSUMER);
	}
}

uint32_t cp_consumers_peek(
        const struct lb_rings *rings, uint32_t consumer, struct lb_msg msgs[LB_RING_SLOTS])
{
	const struct rte_ring *ring =
	        lb_command_ring((struct lb_rings *)(uintptr_t)rings, consumer);
	const struct lb_msg *slots = (const struct lb_msg *)(ring + 1);
	uint32_t last = ring->prod.tail, unread = last - ring->cons.tail;
	uint32_t nb = unread == 0 ? 1 : unread, found = 0;

	if (nb > LB_RING_SLOTS)
		nb = LB_RING_SLOTS;
	for (uint32_t i = 1; i <= nb; i++) {
		msgs[found] = slots[(last - i) & (LB_RING_SLOTS - 1)];
		found += msgs[found].type == LB_MSG_RUN;
	}
	return found;
}

static void send_one(
        struct cp_consumers *consumers, uint32_t i, struct cp_generation *newest, uint64_t now_ms)
{
	struct cp_consumer *c = &consumers->of[i];
	struct lb_msg msg = {.type = LB_MSG_RUN,
	        .seq = c->seq + 1,
	        .revision = newest->revision,
	        .offset = newest->offset};
	int rc = lb_ring_send(lb_command_ring(consumers->rings, i), &msg);

	if (rc == -ENOBUFS && c->full)
		return;
	c->since_ms = now_ms;
	c->full = rc == -ENOBUFS;
	c->broken = rc == -EBADMSG;
	if (rc < 0)
		return;
	c->seq = msg.seq;
	c->sent_revision = newest->revision;
	c->commanded = newest;
}

void cp_consumers_send(
        struct cp_consumers *consumers, struct cp_generation *newest, uint64_t now_ms)
{
	for (uint32_t i = 0; i < consumers->nb; i++) {
		const struct cp_consumer *c = &consumers->of[i];

		if (!c->broken && !c->commanded && c->sent_revision < newest->revision)
			send_one(consumers, i, newest, now_ms);
	}
}

/* True if it answers the command: anything else is an answer to a predecessor, or noise. */
static bool take_answer(struct cp_consumer *c, const struct lb_msg *msg)
{
	if (!c->commanded || msg->seq != c->seq || msg->revision != c->commanded->revision ||
	        msg->offset != c->commanded->offset)
		return false;
	if (msg->type == LB_MSG_RUNNING) {
		c->running = c->commanded;
		c->refusal = LB_REFUSAL_NONE;
		c->refused_revision = 0;
	} else if (msg->type == LB_MSG_REFUSED) {
		c->refusal = msg->reason;
		c->refused_revision = c->commanded->revision;
	} else {
		return false;
	}
	c->commanded = NULL;
	return true;
}

bool cp_consumers_poll(struct cp_consumers *consumers)
{
	bool moved = false;

	for (uint32_t i = 0; i < consumers->nb; i++) {
		struct cp_consumer *c = &consumers->of[i];
		struct rte_ring *acks = lb_ack_ring(consumers->rings, i);
		struct lb_msg msg;
		int rc = 0;

		/* one ring full at most, so that a peer that scribbles can't keep us here */
		for (uint32_t n = 0; n < LB_RING_SLOTS && rc == 0 && !c->broken; n++) {
			rc = lb_ring_receive(acks, &msg);
			if (rc == 0)
				moved |= take_answer(c, &msg);
			else if (rc == -EBADMSG)
				c->broken = true;
		}
	}
	return moved;
}

bool cp_consumers_use(const struct cp_consumers *consumers, const struct cp_generation *generation)
{
	for (uint32_t i = 0; i < consumers->nb; i++)
		if (consumers->of[i].running == generation ||
		        consumers->of[i].commanded == generation)
			return true;
	return false;
}

uint64_t cp_consumers_acknowledged(const struct cp_consumers *consumers)
{
	uint64_t lowest = UINT64_MAX;

	for (uint32_t i = 0; i < consumers->nb; i++)
		if (consumers->of[i].running->revision < lowest)
			lowest = consumers->of[i].running->revision;
	return lowest;
}

static bool owes(const struct cp_consumer *c)
{
	return !c->broken && (c->commanded || c->full);
}

bool cp_consumers_owe(const struct cp_consumers *consumers, uint64_t now_ms, uint64_t ms)
{
	for (uint32_t i = 0; i < consumers->nb; i++)
		if (owes(&consumers->of[i]) && now_ms - consumers->of[i].since_ms < ms)
			return true;
	return false;
}

bool cp_consumers_ready(const struct cp_consumers *consumers)
{
	for (uint32_t i = 0; i < consumers->nb; i++)
		if (!consumers->of[i].broken && !owes(&consumers->of[i]))
			return true;
	return false;
}

uint32_t cp_consumers_silent(const struct cp_consumers *consumers, uint64_t now_ms)
{
	uint32_t silent = 0;

	for (uint32_t i = 0; i < consumers->nb && i < 32; i++) {
		const struct cp_consumer *c = &consumers->of[i];

		if (c->broken || (owes(c) && now_ms - c->since_ms > CP_SILENT_AFTER_MS))
			silent |= UINT32_C(1) << i;
	}
	return silent;
}

void cp_consumers_problem(const struct cp_consumers *consumers, char *text, size_t len)
{
	text[0] = '\0';
	for (uint32_t i = 0; i < consumers->nb && text[0] == '\0'; i++) {
		const struct cp_consumer *c = &consumers->of[i];
		bool is_main = i == consumers->nb - 1;
		char name[32] = "the main core";

		if (!is_main)
			snprintf(name, sizeof(name), "worker %u", i);
		if (c->broken)
			snprintf(text, len,
			        "a ring of %s is corrupt: restart the dataplane; its flows survive "
			        "that",
			        name);
		else if (c->full)
			snprintf(text, len, "the command ring of %s is full: it reads no commands",
			        name);
		else if (c->refused_revision != 0)
			snprintf(text, len, "%s refused revision %llu: %s", name,
			        (unsigned long long)c->refused_revision,
			        (size_t)c->refusal <
			                        sizeof(refusal_texts) / sizeof(refusal_texts[0])
			                ? refusal_texts[c->refusal]
			                : "for a reason that is not known here");
	}
}
