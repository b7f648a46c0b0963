/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See ref_chain.h.
 */
#include "ref_chain.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "measure.h"
#include "pipeline.h"
#include "ref_table.h"

#define LINE_WORDS 8
#define NB_LINES   ((uint32_t)(REF_CHAIN_SIZE / (LINE_WORDS * sizeof(uint64_t))))

static uint32_t *shuffled(void)
{
	uint32_t *order = malloc(NB_LINES * sizeof(*order)), random = 0x2545f491;

	for (uint32_t i = 0; order != NULL && i < NB_LINES; i++) {
		uint32_t other = random_below(&random, i + 1);

		order[i] = order[other];
		order[other] = i;
	}
	return order;
}

bool ref_chain_open(struct ref_chain *c)
{
	uint32_t *order = shuffled();

	*c = (struct ref_chain){.lines = memory_map(REF_CHAIN_SIZE, true)};
	if (order == NULL || c->lines == NULL) {
		ref_chain_close(c);
		free(order);
		return false;
	}
	for (uint32_t i = 0; i < NB_LINES; i++)
		c->lines[(uint64_t)order[i] * LINE_WORDS] = order[(i + 1) % NB_LINES];
	free(order);
	return true;
}

void ref_chain_close(struct ref_chain *c)
{
	if (c->lines != NULL)
		munmap(c->lines, REF_CHAIN_SIZE);
	c->lines = NULL;
}

void ref_chain_burst(void *arg, uint32_t at)
{
	struct ref_chain *c = arg;
	uint64_t line = c->at;

	for (uint32_t i = 0; i < DP_BURST; i++)
		line = c->lines[line * LINE_WORDS];
	c->at = line;
}
