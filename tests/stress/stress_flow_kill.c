/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A process with four workers at the flow table is killed with SIGKILL, again and again; each time
 * the next one finds all settled flows, every flow once, and nothing leaked.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "flow_crowd.h"
#include "shm_file.h"

#define ROUNDS 60

struct job {
	struct dp_flow_table *t;
	uint32_t worker, seed;
	struct crowd_count count;
};

static void *run_for_ever(void *arg)
{
	struct job *job = arg;

	crowd_work(job->t, job->worker, UINT32_MAX, job->seed, &job->count);
	fprintf(stderr, "worker %u: %s\n", job->worker, job->count.wrong);
	_exit(1);
}

static void child(const char *path, uint32_t seed)
{
	struct dp_flow_config config = crowd_config(path);
	struct dp_flow_table *t = flow_table_open(&config, NULL);
	static struct job jobs[CROWD_THREADS];
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (uint32_t w = 0; w < CROWD_THREADS; w++) {
		jobs[w] = (struct job){.t = t, .worker = w, .seed = seed * 10 + w};
		if (pthread_create(&thread, NULL, run_for_ever, &jobs[w]) != 0)
			_exit(1);
	}
	for (;;)
		pause();
}

/* Lets a child work for some milliseconds and kills it. False: it ended by itself. */
static bool work_and_die(const char *path, uint32_t round)
{
	struct timespec while_it_works = {.tv_nsec = 3000000 + rand() % 20000000};
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		child(path, round);
	nanosleep(&while_it_works, NULL);
	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGKILL;
}

static const char *rounds(const char *path, uint32_t *nb_held, uint64_t *nb_flows)
{
	struct dp_flow_config config = crowd_config(path);
	struct dp_flow_table *t = flow_table_open(&config, NULL);
	const char *wrong = NULL;
	bool kept;

	crowd_settle(t);
	dp_flow_close(t);
	for (uint32_t i = 0; i < ROUNDS && wrong == NULL; i++) {
		uint64_t holds[FLOW_NB_CALLERS * 8] = {0};
		FILE *file;

		if (!work_and_die(path, i))
			return "the child ended by itself";
		file = fopen(path, "r");
		if (file == NULL || fseek(file, FLOW_HOLD_AT, SEEK_SET) != 0 ||
		        fread(holds, sizeof(holds), 1, file) != 1)
			return "the table's file can't be read";
		fclose(file);
		for (uint32_t w = 0; w < CROWD_THREADS; w++)
			*nb_held += holds[w * 8] != 0;
		t = flow_table_open(&config, &kept);
		wrong = kept ? crowd_check(t, nb_flows) : "the flows were not kept";
		dp_flow_close(t);
	}
	return wrong;
}

static int kill_again_and_again(const char *path)
{
	uint32_t nb_held = 0;
	uint64_t nb_flows = 0;
	const char *wrong;

	srand(1);
	wrong = rounds(path, &nb_held, &nb_flows);
	if (wrong == NULL && nb_held == 0)
		wrong = "no worker was ever killed in a bucket";
	printf("%d kills, %u buckets held, %lu flows at last: %s\n", ROUNDS, nb_held, nb_flows,
	        wrong != NULL ? wrong : "right");
	return wrong != NULL;
}

int main(void)
{
	return shm_file_run("flow-kill", kill_again_and_again);
}
