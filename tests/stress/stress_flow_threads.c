/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Four workers at one flow table, everything at once. Built once more with ThreadSanitizer.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "flow_crowd.h"

struct job {
	struct dp_flow_table *t;
	uint32_t worker, steps;
	struct crowd_count count;
};

static void *run(void *arg)
{
	struct job *job = arg;

	crowd_work(job->t, job->worker, job->steps, 77 + job->worker, &job->count);
	return NULL;
}

int main(int argc, char **argv)
{
	uint32_t steps = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 200000;
	struct dp_flow_config config = crowd_config(NULL);
	struct dp_flow_table *t = flow_table_open(&config, NULL);
	struct crowd_count all = {0};
	static struct job jobs[CROWD_THREADS];
	const struct crowd_count *counts[CROWD_THREADS];
	pthread_t threads[CROWD_THREADS];
	uint64_t nb_flows;

	crowd_settle(t);
	for (uint32_t w = 0; w < CROWD_THREADS; w++) {
		jobs[w] = (struct job){.t = t, .worker = w, .steps = steps};
		if (pthread_create(&threads[w], NULL, run, &jobs[w]) != 0)
			return 1;
	}
	for (uint32_t w = 0; w < CROWD_THREADS; w++) {
		const struct crowd_count *c = counts[w] = &jobs[w].count;

		pthread_join(threads[w], NULL);
		all.inserted += c->inserted;
		all.ended += c->ended;
		all.hits += c->hits;
		all.misses += c->misses;
		all.full += c->full;
		if (c->wrong != NULL)
			all.wrong = c->wrong;
	}
	if (all.wrong == NULL)
		all.wrong = crowd_check(t, &nb_flows);
	if (all.wrong == NULL && nb_flows != CROWD_SETTLED + all.inserted - all.ended)
		all.wrong = "flows were lost, or ended twice";
	if (all.wrong == NULL)
		all.wrong = crowd_check_counts(t, counts, CROWD_THREADS);
	if (all.wrong == NULL && (all.inserted < steps / 10 || all.ended < steps / 20))
		all.wrong = "hardly anything happened";
	dp_flow_close(t);
	printf("inserted %lu, ended %lu, settled hits %lu, misses %lu, full %lu: %s\n",
	        all.inserted, all.ended, all.hits, all.misses, all.full,
	        all.wrong != NULL ? all.wrong : "right");
	return all.wrong != NULL;
}
