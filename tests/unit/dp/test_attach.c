/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The attach socket and the segments that it hands over, with real sockets and processes. Time is
 * passed in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach.h"
#include "lb/attach.h"
#include "log.h"

#define WORKERS     2
#define TABLES_SIZE (1u << 20)

struct fixture {
	char dir[32], path[64];
	struct dp_segments segments;
	struct dp_attach *attach;
	uint64_t now_ms;
};

static int set_up(void **state)
{
	static struct fixture f;
	const struct dp_segments_config config = {.instance = "test",
	        .nb_workers = WORKERS,
	        .max_targets = 16,
	        .max_listeners = 4,
	        .tables_size = TABLES_SIZE,
	        .flow_capacity = 77};

	f = (struct fixture){.dir = "/tmp/test_attach.XXXXXX", .now_ms = 1000};
	dp_log_set_level(DP_LOG_ERROR);
	if (mkdtemp(f.dir) == NULL || dp_segments_create(&f.segments, &config) < 0)
		return -1;
	snprintf(f.path, sizeof(f.path), "%s/sock", f.dir);
	f.attach = dp_attach_create(f.path, DP_ATTACH_ANY_GROUP, "test", &f.segments);
	*state = &f;
	return f.attach != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	dp_attach_destroy(f->attach);
	dp_segments_destroy(&f->segments);
	return access(f->path, F_OK) == 0 ? -1 : rmdir(f->dir);
}

static int dial(const struct fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void ask(int fd, uint64_t magic, uint32_t version)
{
	struct lb_attach_request request = {
	        .magic = magic, .abi_version = version, .program = "test 1"};

	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
}

/* Serves until nothing is ready any more. */
static void serve(struct fixture *f)
{
	struct pollfd ready = {.fd = dp_attach_fd(f->attach), .events = POLLIN};

	for (int i = 0; i < 10; i++) {
		dp_attach_run(f->attach, f->now_ms);
		if (poll(&ready, 1, 0) == 0)
			return;
	}
	fail_msg("the attach socket stays readable for ever");
}

/* Receives a reply; returns how many descriptors came, into 'fds'. -1: the connection ended. */
static int hear(int fd, struct lb_attach_reply *reply, int *fds)
{
	union {
		char bytes[CMSG_SPACE(8 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {reply, sizeof(*reply)};
	struct msghdr msg = {.msg_iov = &iov,
	        .msg_iovlen = 1,
	        .msg_control = control.bytes,
	        .msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg;
	ssize_t len = recvmsg(fd, &msg, MSG_DONTWAIT);
	int n;

	if (len == 0)
		return -1;
	assert_int_equal(len, sizeof(*reply));
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg == NULL)
		return 0;
	n = (int)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(fds, CMSG_DATA(cmsg), (size_t)n * sizeof(int));
	return n;
}

static void close_all(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

/* Attaches, and returns the connection. */
static int attach(struct fixture *f, int *fds)
{
	struct lb_attach_reply reply;
	int fd = dial(f);

	ask(fd, LB_ABI_MAGIC, LB_ABI_VERSION);
	serve(f);
	assert_int_equal(hear(fd, &reply, fds), LB_SEGMENT_KINDS);
	assert_int_equal(reply.status, LB_ATTACH_OK);
	assert_true(dp_attach_held(f->attach));
	return fd;
}

static void test_handshake_hands_over_three_segments_of_one_session(void **state)
{
	struct fixture *f = *state;
	struct lb_attach_reply reply;
	int fds[8], fd = dial(f);

	ask(fd, LB_ABI_MAGIC, LB_ABI_VERSION);
	serve(f);
	assert_int_equal(hear(fd, &reply, fds), LB_SEGMENT_KINDS);
	assert_int_equal(reply.magic, LB_ABI_MAGIC);
	assert_int_equal(reply.abi_version, LB_ABI_VERSION);
	assert_int_equal(reply.status, LB_ATTACH_OK);
	assert_int_equal(reply.dataplane_pid, getpid());
	assert_string_equal(reply.instance, "test");
	assert_string_equal(reply.text, "");
	for (int kind = 0; kind < LB_SEGMENT_KINDS; kind++) {
		struct stat st;
		void *base;

		assert_int_equal(fstat(fds[kind], &st), 0);
		base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fds[kind], 0);
		assert_ptr_not_equal(base, MAP_FAILED);
		assert_null(
		        lb_segment_refusal(base, (enum lb_segment_kind)kind, (uint64_t)st.st_size));
		assert_int_equal(((struct lb_segment *)base)->session, reply.session);
		munmap(base, (size_t)st.st_size);
	}
	close_all(fds, LB_SEGMENT_KINDS);
	close(fd);
	serve(f);
}

static void test_stats_header_describes_the_instance(void **state)
{
	struct fixture *f = *state;
	const struct lb_stats *stats = f->segments.stats;

	assert_string_equal(stats->instance, "test");
	assert_int_equal(stats->pid, getpid());
	assert_int_equal(stats->nb_workers, WORKERS);
	assert_int_equal(stats->nb_counters, LB_COUNTER_COUNT);
	assert_int_equal(stats->nb_drops, LB_DROP_COUNT);
	assert_int_equal(stats->flow_capacity, 77);
	assert_int_equal(stats->tables_size, TABLES_SIZE);
	assert_int_equal(stats->segment.size,
	        lb_stats_size(WORKERS, stats->max_targets, stats->max_listeners));
}

static void test_rings_are_sane_and_empty_for_each_consumer(void **state)
{
	struct fixture *f = *state;
	struct lb_msg msg = {.seq = 5};

	assert_int_equal(f->segments.rings->nb_consumers, WORKERS + 1);
	for (uint32_t i = 0; i <= WORKERS; i++) {
		struct rte_ring *commands = lb_command_ring(f->segments.rings, i);

		assert_true(lb_ring_sane(commands));
		assert_true(lb_ring_sane(lb_ack_ring(f->segments.rings, i)));
		assert_int_equal(lb_ring_receive(commands, &msg), -ENOENT);
		msg.seq = 5 + i;
		assert_int_equal(lb_ring_send(commands, &msg), 0);
		msg.seq = 0;
		assert_int_equal(lb_ring_receive(commands, &msg), 0);
		assert_int_equal(msg.seq, 5 + i);
	}
}

static void test_stats_descriptor_is_read_only_for_good(void **state)
{
	struct fixture *f = *state;
	int fds[8], fd = attach(f, fds), stats = fds[LB_SEGMENT_STATS];

	assert_int_equal(fcntl(stats, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_ptr_equal(
	        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, stats, 0), MAP_FAILED);
	assert_int_equal(errno, EACCES);
	assert_int_equal(write(stats, "x", 1), -1);
	assert_int_equal(ftruncate(stats, 0), -1);
	close_all(fds, LB_SEGMENT_KINDS);
	close(fd);
	serve(f);
}

/* As another user, who has the descriptors alone: in a child, because it can't come back. */
static int try_as_nobody(const int *fds)
{
	char path[64];

	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 2;
	for (int kind = 0; kind < LB_SEGMENT_KINDS; kind++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[kind]);
		if (open(path, O_RDWR) >= 0)
			return 1;
	}
	return 0;
}

static void test_another_user_cannot_reopen_a_segment_for_writing(void **state)
{
	struct fixture *f = *state;
	int fds[8], fd, status;
	pid_t child;

	if (geteuid() != 0) {
		print_message("SKIPPED: only root can become another user\n");
		skip();
	}
	fd = attach(f, fds);
	child = fork();
	if (child == 0)
		_exit(try_as_nobody(fds));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close_all(fds, LB_SEGMENT_KINDS);
	close(fd);
	serve(f);
}

static void test_segments_have_mode_0600_and_cannot_be_resized(void **state)
{
	struct fixture *f = *state;

	for (int kind = 0; kind < LB_SEGMENT_KINDS; kind++) {
		int fd = f->segments.fds[kind];
		struct stat st;

		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(st.st_size, f->segments.sizes[kind]);
		assert_int_equal(ftruncate(fd, 4096), -1);
		assert_int_equal(errno, EPERM);
		assert_int_equal(ftruncate(fd, st.st_size + 4096), -1);
		assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	}
}

static void test_tables_are_read_only_here_and_writable_there(void **state)
{
	struct fixture *f = *state;
	int fds[8], fd = attach(f, fds);
	char *theirs = mmap(
	        NULL, TABLES_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fds[LB_SEGMENT_TABLES], 0);

	assert_ptr_not_equal(theirs, MAP_FAILED);
	theirs[LB_TABLES_HEAP_OFFSET] = 42;
	assert_int_equal(((const char *)f->segments.tables)[LB_TABLES_HEAP_OFFSET], 42);
	/* pipe() writes into memory with our own rights: EFAULT where we may not */
	assert_int_equal(pipe((int *)(uintptr_t)f->segments.tables), -1);
	assert_int_equal(errno, EFAULT);
	munmap(theirs, TABLES_SIZE);
	close_all(fds, LB_SEGMENT_KINDS);
	close(fd);
	serve(f);
}

static void test_second_control_plane_is_refused_and_told_who_holds(void **state)
{
	struct fixture *f = *state;
	struct lb_attach_reply reply;
	char expected[80];
	int fds[8], first = attach(f, fds), second = dial(f);

	ask(second, LB_ABI_MAGIC, LB_ABI_VERSION);
	serve(f);
	assert_int_equal(hear(second, &reply, fds + 4), 0);
	assert_int_equal(reply.status, LB_ATTACH_HELD);
	assert_int_equal(reply.holder_pid, getpid());
	snprintf(expected, sizeof(expected), "process %d holds instance test: stop it first",
	        getpid());
	assert_string_equal(reply.text, expected);
	assert_int_equal(hear(second, &reply, fds + 4), -1);
	assert_true(dp_attach_held(f->attach));
	close(second);
	close_all(fds, LB_SEGMENT_KINDS);
	close(first);
	serve(f);
}

static void test_wrong_version_is_refused_with_both_numbers(void **state)
{
	struct fixture *f = *state;
	struct lb_attach_reply reply;
	char expected[80];
	int fds[8], fd = dial(f);

	ask(fd, LB_ABI_MAGIC, LB_ABI_VERSION + 7);
	serve(f);
	assert_int_equal(hear(fd, &reply, fds), 0);
	assert_int_equal(reply.status, LB_ATTACH_BAD_VERSION);
	assert_int_equal(reply.abi_version, LB_ABI_VERSION);
	snprintf(expected, sizeof(expected),
	        "ABI version %u, expected %u: install one release of both", LB_ABI_VERSION + 7,
	        LB_ABI_VERSION);
	assert_string_equal(reply.text, expected);
	assert_int_equal(hear(fd, &reply, fds), -1);
	assert_false(dp_attach_held(f->attach));
	close(fd);
}

static void test_what_is_no_request_is_refused(void **state)
{
	struct fixture *f = *state;
	static const char noise[300] = "GET / HTTP/1.0";
	static const size_t lengths[] = {1, 47, 49, sizeof(noise)};
	struct lb_attach_reply reply;
	int fds[8], fd;

	for (size_t i = 0; i <= sizeof(lengths) / sizeof(lengths[0]); i++) {
		fd = dial(f);
		if (i < sizeof(lengths) / sizeof(lengths[0]))
			assert_int_equal(send(fd, noise, lengths[i], 0), lengths[i]);
		else
			ask(fd, LB_ABI_MAGIC + 1, LB_ABI_VERSION);
		serve(f);
		assert_int_equal(hear(fd, &reply, fds), 0);
		assert_int_equal(reply.status, LB_ATTACH_BAD_REQUEST);
		assert_string_equal(
		        reply.text, "this is no attach request: is the peer an anabranchd?");
		assert_int_equal(hear(fd, &reply, fds), -1);
		close(fd);
	}
	assert_false(dp_attach_held(f->attach));
}

static void test_death_of_the_holder_frees_the_instance(void **state)
{
	struct fixture *f = *state;
	int ready[2], fds[8], status, fd;
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		fd = dial(f);
		ask(fd, LB_ABI_MAGIC, LB_ABI_VERSION);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	serve(f);
	assert_true(dp_attach_held(f->attach));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	serve(f);
	assert_false(dp_attach_held(f->attach));
	fd = attach(f, fds);
	close_all(fds, LB_SEGMENT_KINDS);
	close(fd);
	close(ready[0]);
	close(ready[1]);
	serve(f);
}

static void test_holder_that_sends_more_is_disconnected(void **state)
{
	struct fixture *f = *state;
	struct lb_attach_reply reply;
	int fds[8], fd = attach(f, fds);

	ask(fd, LB_ABI_MAGIC, LB_ABI_VERSION);
	serve(f);
	assert_false(dp_attach_held(f->attach));
	assert_int_equal(hear(fd, &reply, fds + 4), -1);
	close_all(fds, LB_SEGMENT_KINDS);
	close(fd);
}

static void test_silent_guests_keep_nobody_out(void **state)
{
	struct fixture *f = *state;
	int silent[20], fds[8], fd;

	/* more than there are places for: the eldest have to go */
	for (int i = 0; i < 20; i++) {
		silent[i] = dial(f);
		f->now_ms++;
		serve(f);
	}
	fd = attach(f, fds);
	for (int i = 0; i < 20; i++)
		close(silent[i]);
	close_all(fds, LB_SEGMENT_KINDS);
	close(fd);
	serve(f);
}

static void test_silent_guest_is_disconnected_after_five_seconds(void **state)
{
	struct fixture *f = *state;
	struct lb_attach_reply reply;
	int fds[8], fd = dial(f);

	serve(f);
	f->now_ms += 5000;
	serve(f);
	assert_int_equal(recv(fd, &reply, sizeof(reply), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	f->now_ms += 1;
	serve(f);
	assert_int_equal(hear(fd, &reply, fds), -1);
	close(fd);
}

static void test_socket_is_for_owner_and_group(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(test_handshake_hands_over_three_segments_of_one_session),
	        T(test_stats_header_describes_the_instance),
	        T(test_rings_are_sane_and_empty_for_each_consumer),
	        T(test_stats_descriptor_is_read_only_for_good),
	        T(test_another_user_cannot_reopen_a_segment_for_writing),
	        T(test_segments_have_mode_0600_and_cannot_be_resized),
	        T(test_tables_are_read_only_here_and_writable_there),
	        T(test_second_control_plane_is_refused_and_told_who_holds),
	        T(test_wrong_version_is_refused_with_both_numbers),
	        T(test_what_is_no_request_is_refused),
	        T(test_death_of_the_holder_frees_the_instance),
	        T(test_holder_that_sends_more_is_disconnected),
	        T(test_silent_guests_keep_nobody_out),
	        T(test_silent_guest_is_disconnected_after_five_seconds),
	        T(test_socket_is_for_owner_and_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
