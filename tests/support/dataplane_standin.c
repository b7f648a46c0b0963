/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See dataplane_standin.h.
 */
#include "dataplane_standin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lb/table.h"

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

struct standin_options standin_defaults(void)
{
	return (struct standin_options){.nb_workers = 2,
	        .max_targets = 4096,
	        .max_listeners = 4096,
	        .tables_size = 1u << 20,
	        .unsealed = -1,
	        .nb_fds = LB_SEGMENT_KINDS,
	        .reply_len = sizeof(struct lb_attach_reply),
	        .reply = {.magic = LB_ABI_MAGIC,
	                .abi_version = LB_ABI_VERSION,
	                .status = LB_ATTACH_OK,
	                .dataplane_pid = 4711}};
}

static void make_segment(struct standin *s, enum lb_segment_kind kind, uint64_t size)
{
	struct lb_segment *segment;

	size = LB_ALIGN_UP(size, 4096);
	s->fds[kind] = memfd_create("standin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	must(s->fds[kind] >= 0, "memfd_create");
	must(ftruncate(s->fds[kind], (off_t)size) == 0, "ftruncate");
	segment = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fds[kind], 0);
	must(segment != MAP_FAILED, "mmap");
	*segment = (struct lb_segment){.magic = LB_ABI_MAGIC,
	        .abi_version = LB_ABI_VERSION,
	        .kind = kind,
	        .size = size,
	        .session = s->options.reply.session};
	if (s->options.unsealed != (int)kind)
		must(fcntl(s->fds[kind], F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0, "seal");
	s->maps[kind] = segment;
	s->sizes[kind] = size;
}

static void make_stats(struct standin *s)
{
	const struct standin_options *o = &s->options;

	make_segment(s, LB_SEGMENT_STATS,
	        lb_stats_size(o->nb_workers, o->max_targets, o->max_listeners));
	s->stats = s->maps[LB_SEGMENT_STATS];
	s->stats->nb_workers = o->nb_workers;
	s->stats->nb_counters = LB_COUNTER_COUNT;
	s->stats->nb_drops = LB_DROP_COUNT;
	s->stats->max_targets = o->max_targets;
	s->stats->max_listeners = o->max_listeners;
	s->stats->tables_size = s->sizes[LB_SEGMENT_TABLES];
	s->stats->workers_offset = lb_stats_workers_offset();
	s->stats->targets_offset = lb_stats_targets_offset(o->nb_workers);
	s->stats->listeners_offset = lb_stats_listeners_offset(o->nb_workers, o->max_targets);
}

static void make_rings(struct standin *s)
{
	uint32_t nb = s->options.nb_workers + 1;
	const unsigned int flags = RING_F_SP_ENQ | RING_F_SC_DEQ;

	make_segment(s, LB_SEGMENT_RINGS, LB_RINGS_SIZE(nb));
	s->rings = s->maps[LB_SEGMENT_RINGS];
	s->rings->nb_consumers = nb;
	s->rings->ring_slots = LB_RING_SLOTS;
	s->rings->ring_stride = LB_RING_STRIDE;
	for (uint32_t i = 0; i < nb; i++) {
		must(rte_ring_init(lb_command_ring(s->rings, i), "command", LB_RING_SLOTS, flags) ==
		                0,
		        "rte_ring_init");
		must(rte_ring_init(lb_ack_ring(s->rings, i), "ack", LB_RING_SLOTS, flags) == 0,
		        "rte_ring_init");
	}
}

struct standin *standin_create(const struct standin_options *options, const struct standin *before)
{
	static uint64_t session = 1;
	struct standin *s = calloc(1, sizeof(*s));

	must(s != NULL, "calloc");
	s->options = *options;
	s->options.reply.session = session++;
	s->listen_fd = s->connection = -1;
	if (before) {
		memcpy(s->directory, before->directory, sizeof(s->directory));
	} else {
		strcpy(s->directory, "/tmp/anabranch-test-XXXXXX");
		must(mkdtemp(s->directory) != NULL, "mkdtemp");
	}
	snprintf(s->path, sizeof(s->path), "%s/sock", s->directory);
	make_segment(s, LB_SEGMENT_TABLES, options->tables_size);
	make_stats(s);
	make_rings(s);
	return s;
}

static void reply(struct standin *s)
{
	union {
		char bytes[CMSG_SPACE(sizeof(s->fds) + sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	uint8_t bytes[2 * sizeof(s->options.reply)] = {0};
	struct iovec iov = {bytes, s->options.reply_len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fds[LB_SEGMENT_KINDS + 1] = {s->fds[0], s->fds[1], s->fds[2], s->fds[0]};

	memcpy(bytes, &s->options.reply, sizeof(s->options.reply));
	if (s->options.nb_fds > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(s->options.nb_fds * sizeof(int));
		CMSG_FIRSTHDR(&msg)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&msg)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&msg)->cmsg_len = CMSG_LEN(s->options.nb_fds * sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), fds, s->options.nb_fds * sizeof(int));
	}
	(void)sendmsg(s->connection, &msg, MSG_NOSIGNAL);
}

/* A newcomer is greeted; a connection that ended makes room for the next. */
static void serve_socket(struct standin *s)
{
	struct lb_attach_request request;
	struct pollfd pfd = {s->connection >= 0 ? s->connection : s->listen_fd, POLLIN, 0};

	if (poll(&pfd, 1, 0) <= 0)
		return;
	if (s->connection < 0) {
		s->connection = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		return;
	}
	if (recv(s->connection, &request, sizeof(request), 0) == (ssize_t)sizeof(request)) {
		if (!s->options.mute)
			reply(s);
		return;
	}
	close(s->connection);
	s->connection = -1;
}

static void set_running(struct standin *s, uint32_t consumer, const struct lb_msg *msg)
{
	uint64_t *offset = &s->stats->main_running_offset;
	uint64_t *revision = &s->stats->main_running_revision;

	if (consumer < s->options.nb_workers) {
		offset = &lb_worker_stats(s->stats, consumer)->running_offset;
		revision = &lb_worker_stats(s->stats, consumer)->running_revision;
	}
	__atomic_store_n(offset, msg->offset, __ATOMIC_RELAXED);
	__atomic_store_n(revision, msg->revision, __ATOMIC_RELEASE);
}

/* Takes the newest command, as a worker does, and answers it. */
static void serve_consumer(struct standin *s, uint32_t consumer)
{
	struct lb_msg msg, newest = {.type = LB_MSG_NONE};
	const struct lb_generation *g;

	while (lb_ring_receive(lb_command_ring(s->rings, consumer), &msg) == 0)
		newest = msg;
	if (newest.type != LB_MSG_RUN)
		return;
	g = lb_shm_at(
	        s->maps[LB_SEGMENT_TABLES], s->sizes[LB_SEGMENT_TABLES], newest.offset, sizeof(*g));
	newest.type = LB_MSG_RUNNING;
	if (!g || g->magic != LB_GENERATION_MAGIC || g->revision != newest.revision)
		atomic_fetch_add(&s->bad, 1);
	if (atomic_load(&s->refuses) >> consumer & 1) {
		newest.type = LB_MSG_REFUSED;
		newest.reason = LB_REFUSAL_BAD_BOUNDS;
	} else {
		set_running(s, consumer, &newest);
	}
	(void)lb_ring_send(lb_ack_ring(s->rings, consumer), &newest);
}

static void *run(void *arg)
{
	struct standin *s = arg;

	while (!atomic_load(&s->stop)) {
		serve_socket(s);
		for (uint32_t i = 0; i <= s->options.nb_workers; i++)
			if (!(atomic_load(&s->silent) >> i & 1))
				serve_consumer(s, i);
		atomic_fetch_add(&s->rounds, 1);
		usleep(200);
	}
	return NULL;
}

void standin_start(struct standin *s)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(address.sun_path, s->path);
	s->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	must(s->listen_fd >= 0, "socket");
	must(bind(s->listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0, "bind");
	must(listen(s->listen_fd, 8) == 0, "listen");
	atomic_store(&s->stop, false);
	must(pthread_create(&s->thread, NULL, run, s) == 0, "pthread_create");
	s->started = true;
}

void standin_stop(struct standin *s)
{
	if (!s->started)
		return;
	atomic_store(&s->stop, true);
	pthread_join(s->thread, NULL);
	s->started = false;
	if (s->connection >= 0)
		close(s->connection);
	close(s->listen_fd);
	s->listen_fd = s->connection = -1;
	unlink(s->path);
}

void standin_free(struct standin *s, bool keep_path)
{
	standin_stop(s);
	for (int kind = 0; kind < LB_SEGMENT_KINDS; kind++) {
		munmap(s->maps[kind], s->sizes[kind]);
		close(s->fds[kind]);
	}
	if (!keep_path)
		rmdir(s->directory);
	free(s);
}

void standin_silence(struct standin *s, uint32_t consumers)
{
	uint32_t rounds;

	atomic_store(&s->silent, consumers);
	rounds = atomic_load(&s->rounds);
	while (s->started && atomic_load(&s->rounds) - rounds < 2)
		usleep(100);
}

uint64_t standin_running(struct standin *s, uint32_t consumer)
{
	if (consumer == s->options.nb_workers)
		return __atomic_load_n(&s->stats->main_running_revision, __ATOMIC_ACQUIRE);
	return __atomic_load_n(
	        &lb_worker_stats(s->stats, consumer)->running_revision, __ATOMIC_ACQUIRE);
}

uint64_t standin_running_offset(struct standin *s, uint32_t consumer)
{
	if (consumer == s->options.nb_workers)
		return __atomic_load_n(&s->stats->main_running_offset, __ATOMIC_ACQUIRE);
	return __atomic_load_n(
	        &lb_worker_stats(s->stats, consumer)->running_offset, __ATOMIC_ACQUIRE);
}
