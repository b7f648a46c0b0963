/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The references beside touch: look-ups of as many keys, and reads that wait for each other.
 */
#include <stdlib.h>

#include "job.h"
#include "ref_chain.h"

static void fill_keys(struct job *job, struct bench *b)
{
	stage_write_keys(job->stage, b->keys, &job->random);
}

static void all_found(const struct job *job, uint64_t *found)
{
	if (*found != BATCH)
		die("%s: %lu of %u keys were found", job->cell->name, *found, BATCH);
	*found = 0;
}

static void prepare_table(struct job *job, struct bench *b)
{
	job->arg = &job->stage->ref_table;
}

static void check_table(struct job *job, struct bench *b)
{
	all_found(job, &job->stage->ref_table.found);
}

static void prepare_hash(struct job *job, struct bench *b)
{
	job->arg = &job->stage->ref_hash;
}

static void check_hash(struct job *job, struct bench *b)
{
	all_found(job, &job->stage->ref_hash.found);
}

static void prepare_chain(struct job *job, struct bench *b)
{
	struct ref_chain *chain = calloc(1, sizeof(*chain));

	if (chain == NULL || !ref_chain_open(chain))
		die("no memory for the chain of random reads");
	job->arg = job->state = chain;
}

static void finish_chain(struct job *job, struct bench *b)
{
	ref_chain_close(job->state);
}

const struct job_ops job_table = {.prepare = prepare_table,
        .fill = fill_keys,
        .burst = ref_table_burst,
        .bare = true,
        .check = check_table,
        .repeatable = true};
const struct job_ops job_rte_hash = {.prepare = prepare_hash,
        .fill = fill_keys,
        .burst = ref_hash_burst,
        .bare = true,
        .check = check_hash,
        .repeatable = true};
const struct job_ops job_random_read = {
        .prepare = prepare_chain, .finish = finish_chain, .burst = ref_chain_burst, .bare = true};
