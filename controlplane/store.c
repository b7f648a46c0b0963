/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The store's thread and its two queues: writes to it, outcomes back to the loop.
 *
 * A failed commit takes all of its changes with it, and all that were asked for while the loop did
 * not know of the failure, since those were validated against a configuration that never came to
 * be. Every write carries the loop's 'epoch'; the thread fails all writes of an epoch that has
 * failed; the loop begins a new epoch when it delivers the epoch's first failure.
 */
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "store_db.h"

#define WHY_LEN 512

struct write {
	struct cp_journal_entry *journal;
	uint64_t revision;
	struct cp_audit audit;
	cp_store_done_fn done;
	void *arg;
	uint64_t epoch;
	int status;
	char *why; /* of a failure; owned */
	struct write *next;
};

struct write_list {
	struct write *first, **tail;
};

struct cp_store {
	struct cp_store_db *db;
	uv_thread_t thread;
	uv_mutex_t mutex;
	uv_cond_t wake;
	uv_async_t outcome;
	/* under 'mutex' */
	struct write_list waiting, finished;
	bool stopping;
	/* the thread's own */
	uint64_t failed_epoch;
	/* the loop's own */
	uint64_t epoch;
	void (*delivered)(void *arg);
	void *delivered_arg;
};

static void list_init(struct write_list *list)
{
	list->first = NULL;
	list->tail = &list->first;
}

static void list_append(struct write_list *list, struct write *write)
{
	write->next = NULL;
	*list->tail = write;
	list->tail = &write->next;
}

/* Takes all that 'from' holds. */
static struct write *list_take(struct write_list *from)
{
	struct write *first = from->first;

	list_init(from);
	return first;
}

/* All or nothing: 0, or the first failure with its text. */
static int batch_commit(struct cp_store *store, struct write *batch, char *why)
{
	int rc = cp_store_db_begin(store->db, why, WHY_LEN);

	for (struct write *write = batch; write && rc == 0; write = write->next)
		rc = cp_store_db_put(
		        store->db, write->journal, write->revision, &write->audit, why, WHY_LEN);
	return rc == 0 ? cp_store_db_commit(store->db, why, WHY_LEN) : rc;
}

static void batch_write(struct cp_store *store, struct write *batch)
{
	char why[WHY_LEN] = "an earlier change could not be stored";
	struct write *fresh = batch;
	uint64_t newest = 0;
	int rc;

	/* Epochs rise along the queue. */
	while (fresh && fresh->epoch <= store->failed_epoch)
		fresh = fresh->next;
	rc = fresh ? batch_commit(store, fresh, why) : 0;
	for (struct write *write = batch; write; write = write->next) {
		if (write->epoch <= store->failed_epoch)
			write->status = -ECANCELED;
		else
			write->status = rc;
		if (write->status < 0)
			write->why = strdup(why);
		newest = write->epoch;
	}
	if (rc < 0)
		store->failed_epoch = newest;
}

static void batch_finish(struct cp_store *store, struct write *batch)
{
	struct write *next;

	uv_mutex_lock(&store->mutex);
	for (; batch; batch = next) {
		next = batch->next;
		list_append(&store->finished, batch);
	}
	uv_mutex_unlock(&store->mutex);
	uv_async_send(&store->outcome);
}

static void store_thread(void *arg)
{
	struct cp_store *store = arg;
	struct write *batch;

	for (;;) {
		uv_mutex_lock(&store->mutex);
		while (!store->waiting.first && !store->stopping)
			uv_cond_wait(&store->wake, &store->mutex);
		batch = list_take(&store->waiting);
		uv_mutex_unlock(&store->mutex);
		if (!batch)
			return;
		batch_write(store, batch);
		batch_finish(store, batch);
	}
}

static void write_free(struct write *write)
{
	cp_journal_free(write->journal);
	free(write->audit.method);
	free(write->audit.params);
	free(write->audit.result);
	free(write->why);
	free(write);
}

static void outcome_deliver(struct cp_store *store)
{
	struct write *write, *next;

	uv_mutex_lock(&store->mutex);
	write = list_take(&store->finished);
	uv_mutex_unlock(&store->mutex);
	if (!write)
		return;
	for (; write; write = next) {
		next = write->next;
		if (write->status < 0 && write->epoch == store->epoch)
			store->epoch++;
		write->done(write->arg, write->status, write->why ? write->why : "out of memory");
		write_free(write);
	}
	if (store->delivered)
		store->delivered(store->delivered_arg);
}

static void on_outcome(uv_async_t *async)
{
	outcome_deliver(async->data);
}

static int thread_start(struct cp_store *store, uv_loop_t *loop)
{
	if (uv_mutex_init(&store->mutex) < 0)
		return -ENOMEM;
	if (uv_cond_init(&store->wake) < 0)
		goto no_cond;
	if (uv_async_init(loop, &store->outcome, on_outcome) < 0)
		goto no_async;
	store->outcome.data = store;
	if (uv_thread_create(&store->thread, store_thread, store) == 0)
		return 0;
	/* The loop runs no more after a failed start: its closing frees nothing of ours. */
	uv_close((uv_handle_t *)&store->outcome, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
no_async:
	uv_cond_destroy(&store->wake);
no_cond:
	uv_mutex_destroy(&store->mutex);
	return -EAGAIN;
}

struct cp_store *cp_store_open(uv_loop_t *loop, const char *path, char *why, size_t why_len)
{
	struct cp_store *store = calloc(1, sizeof(*store));

	if (!store) {
		snprintf(why, why_len, "out of memory");
		return NULL;
	}
	list_init(&store->waiting);
	list_init(&store->finished);
	store->epoch = 1;
	store->db = cp_store_db_open(path, why, why_len);
	if (!store->db) {
		free(store);
		return NULL;
	}
	if (thread_start(store, loop) < 0) {
		snprintf(why, why_len, "cannot start the store's thread");
		cp_store_db_close(store->db);
		free(store);
		return NULL;
	}
	return store;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void cp_store_close(struct cp_store *store)
{
	uv_mutex_lock(&store->mutex);
	store->stopping = true;
	uv_cond_signal(&store->wake);
	uv_mutex_unlock(&store->mutex);
	uv_thread_join(&store->thread);
	outcome_deliver(store);
	cp_store_db_close(store->db);
	uv_cond_destroy(&store->wake);
	uv_mutex_destroy(&store->mutex);
	uv_close((uv_handle_t *)&store->outcome, on_closed);
}

int cp_store_load(struct cp_store *store, struct cp_model *model, char *why, size_t why_len)
{
	return cp_store_db_load(store->db, model, why, why_len);
}

void cp_store_write(struct cp_store *store, struct cp_journal_entry *journal, uint64_t revision,
        const struct cp_audit *audit, cp_store_done_fn done, void *arg)
{
	struct write *write = malloc(sizeof(*write));

	if (!write) {
		/* Without memory for a queue entry nothing can be kept in order any more. */
		cp_log(CP_LOG_ERROR, "out of memory");
		abort();
	}
	*write = (struct write){.journal = journal,
	        .revision = revision,
	        .audit = *audit,
	        .done = done,
	        .arg = arg,
	        .epoch = store->epoch};
	uv_mutex_lock(&store->mutex);
	list_append(&store->waiting, write);
	uv_cond_signal(&store->wake);
	uv_mutex_unlock(&store->mutex);
}

void cp_store_on_delivered(struct cp_store *store, void (*delivered)(void *arg), void *arg)
{
	store->delivered = delivered;
	store->delivered_arg = arg;
}
