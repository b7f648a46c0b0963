/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Connections to the attach socket. Each is a guest until its request came, then the holder or
 * gone. A holder that sends anything more breaks the protocol and is disconnected.
 */
#include "attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lb/attach.h"
#include "log.h"

#define MAX_GUESTS       8
#define GUEST_TIMEOUT_MS 5000

/* A connection; 'fd' is -1 where there is none. */
struct peer {
	int fd;
	pid_t pid;
	uint64_t since_ms;
};

struct dp_attach {
	int epoll, listener;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char instance[LB_INSTANCE_LEN];
	const struct dp_segments *segments;
	struct peer holder;
	struct peer guests[MAX_GUESTS];
};

static int listen_on(const char *path, gid_t gid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;
	mode_t mask;

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	/* nobody may connect between bind() and chmod() */
	mask = umask(0777);
	err = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
	umask(mask);
	if (err == 0 && gid != DP_ATTACH_ANY_GROUP && chown(path, (uid_t)-1, gid) < 0)
		err = errno;
	if (err == 0 && (chmod(path, 0660) < 0 || listen(fd, MAX_GUESTS) < 0))
		err = errno;
	if (err != 0) {
		close(fd);
		return -err;
	}
	return fd;
}

static int watch(struct dp_attach *a, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(a->epoll, EPOLL_CTL_ADD, fd, &event);
}

struct dp_attach *dp_attach_create(
        const char *path, gid_t gid, const char *instance, const struct dp_segments *segments)
{
	struct dp_attach *a = calloc(1, sizeof(*a));
	int err;

	if (a == NULL)
		return NULL;
	a->segments = segments;
	a->holder.fd = -1;
	for (int i = 0; i < MAX_GUESTS; i++)
		a->guests[i].fd = -1;
	snprintf(a->instance, sizeof(a->instance), "%s", instance);
	snprintf(a->path, sizeof(a->path), "%s", path);
	a->epoll = epoll_create1(EPOLL_CLOEXEC);
	a->listener = strlen(path) < sizeof(a->path) ? listen_on(path, gid) : -ENAMETOOLONG;
	if (a->epoll >= 0 && a->listener >= 0 && watch(a, a->listener) == 0)
		return a;
	err = a->listener < 0 ? -a->listener : errno;
	dp_log_error("attach socket %s: %s", path, strerror(err));
	dp_attach_destroy(a);
	errno = err;
	return NULL;
}

static void hang_up(struct peer *peer)
{
	if (peer->fd >= 0)
		close(peer->fd);
	*peer = (struct peer){.fd = -1};
}

void dp_attach_destroy(struct dp_attach *a)
{
	if (a == NULL)
		return;
	hang_up(&a->holder);
	for (int i = 0; i < MAX_GUESTS; i++)
		hang_up(&a->guests[i]);
	if (a->listener >= 0) {
		close(a->listener);
		unlink(a->path);
	}
	if (a->epoll >= 0)
		close(a->epoll);
	free(a);
}

int dp_attach_fd(const struct dp_attach *a)
{
	return a->epoll;
}

bool dp_attach_held(const struct dp_attach *a)
{
	return a->holder.fd >= 0;
}

static void welcome(struct dp_attach *a, uint64_t now_ms)
{
	struct peer *guest = &a->guests[0];
	struct ucred cred = {0};
	socklen_t len = sizeof(cred);
	int fd = accept4(a->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || watch(a, fd) < 0) {
		close(fd);
		return;
	}
	/* a free place, or that of whoever says nothing for longest */
	for (int i = 1; i < MAX_GUESTS && guest->fd >= 0; i++) {
		if (a->guests[i].fd < 0 || a->guests[i].since_ms < guest->since_ms)
			guest = &a->guests[i];
	}
	hang_up(guest);
	*guest = (struct peer){.fd = fd, .pid = cred.pid, .since_ms = now_ms};
}

/* What to answer to a request of 'len' bytes. */
static enum lb_attach_status judge(const struct dp_attach *a,
        const struct lb_attach_request *request, ssize_t len, char *text, size_t size)
{
	if (len != sizeof(*request) || request->magic != LB_ABI_MAGIC) {
		snprintf(text, size, "this is no attach request: is the peer an anabranchd?");
		return LB_ATTACH_BAD_REQUEST;
	}
	if (request->abi_version != LB_ABI_VERSION) {
		snprintf(text, size, "ABI version %u, expected %u: install one release of both",
		        request->abi_version, LB_ABI_VERSION);
		return LB_ATTACH_BAD_VERSION;
	}
	if (a->holder.fd >= 0) {
		snprintf(text, size, "process %d holds instance %s: stop it first", a->holder.pid,
		        a->instance);
		return LB_ATTACH_HELD;
	}
	return LB_ATTACH_OK;
}

/* Sends a reply, with the segments' descriptors if 'fds' is not NULL. */
static int send_reply(int fd, struct lb_attach_reply *reply, const int *fds)
{
	union {
		char bytes[CMSG_SPACE(LB_SEGMENT_KINDS * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = reply, .iov_len = sizeof(*reply)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fds != NULL) {
		struct cmsghdr *cmsg;

		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(LB_SEGMENT_KINDS * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, LB_SEGMENT_KINDS * sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int send_segments(const struct dp_attach *a, int fd, struct lb_attach_reply *reply)
{
	int fds[LB_SEGMENT_KINDS], n = 0, rc = 0;

	for (; n < LB_SEGMENT_KINDS; n++) {
		fds[n] = dp_segments_share(a->segments, (enum lb_segment_kind)n);
		if (fds[n] < 0) {
			rc = fds[n];
			break;
		}
	}
	if (rc == 0)
		rc = send_reply(fd, reply, fds);
	while (n > 0)
		close(fds[--n]);
	return rc;
}

/* The program's name goes to the log: as a line that its sender can't break. */
static void make_printable(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

static void hear_guest(struct dp_attach *a, struct peer *guest)
{
	struct lb_attach_request request;
	struct lb_attach_reply reply = {.magic = LB_ABI_MAGIC,
	        .abi_version = LB_ABI_VERSION,
	        .holder_pid = a->holder.pid,
	        .dataplane_pid = getpid(),
	        .session = a->segments->session};
	ssize_t len = recv(guest->fd, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC);
	int rc;

	if (len < 0 && errno == EAGAIN)
		return;
	if (len <= 0) {
		hang_up(guest);
		return;
	}
	memcpy(reply.instance, a->instance, sizeof(reply.instance));
	reply.status = judge(a, &request, len, reply.text, sizeof(reply.text));
	rc = reply.status == LB_ATTACH_OK ? send_segments(a, guest->fd, &reply)
	                                  : send_reply(guest->fd, &reply, NULL);
	if (reply.status != LB_ATTACH_OK || rc < 0) {
		dp_log_warning("process %d may not attach: %s", guest->pid,
		        rc < 0 ? strerror(-rc) : reply.text);
		hang_up(guest);
		return;
	}
	make_printable(request.program, sizeof(request.program));
	dp_log_info("control plane attached: process %d, %s", guest->pid, request.program);
	a->holder = *guest;
	guest->fd = -1;
}

static void hear_holder(struct dp_attach *a)
{
	char byte;
	ssize_t len = recv(a->holder.fd, &byte, sizeof(byte), MSG_DONTWAIT);

	if (len < 0 && errno == EAGAIN)
		return;
	dp_log_info("control plane detached: process %d%s", a->holder.pid,
	        len > 0 ? ", which sent more than its request" : "");
	hang_up(&a->holder);
}

static void hear(struct dp_attach *a, int fd, uint64_t now_ms)
{
	if (fd == a->listener)
		welcome(a, now_ms);
	else if (fd == a->holder.fd)
		hear_holder(a);
	for (int i = 0; i < MAX_GUESTS; i++) {
		if (a->guests[i].fd == fd)
			hear_guest(a, &a->guests[i]);
	}
}

void dp_attach_run(struct dp_attach *a, uint64_t now_ms)
{
	struct epoll_event events[MAX_GUESTS + 2];
	int n = epoll_wait(a->epoll, events, MAX_GUESTS + 2, 0);

	/* the holder's end first, so that its successor in the same round finds the place free */
	for (int i = 0; i < n; i++) {
		if (a->holder.fd >= 0 && events[i].data.fd == a->holder.fd)
			hear_holder(a);
	}
	for (int i = 0; i < n; i++)
		hear(a, events[i].data.fd, now_ms);
	for (int i = 0; i < MAX_GUESTS; i++) {
		if (a->guests[i].fd >= 0 && now_ms - a->guests[i].since_ms > GUEST_TIMEOUT_MS)
			hang_up(&a->guests[i]);
	}
}
