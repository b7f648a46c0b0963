/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See attach_client.h.
 */
#include "publish/attach_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* What the reply came with. */
struct received {
	struct lb_attach_reply reply;
	int fds[LB_SEGMENT_KINDS];
	size_t nb_fds;
};

static const char *const segment_names[LB_SEGMENT_KINDS] = {"tables", "stats", "rings"};

__attribute__((format(printf, 4, 5))) static int refuse(
        int error, char *why, size_t why_len, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, why_len, format, args);
	va_end(args);
	return error;
}

static int send_request(int fd)
{
	struct lb_attach_request request = {.magic = LB_ABI_MAGIC,
	        .abi_version = LB_ABI_VERSION,
	        .program = "anabranchd " LB_VERSION};

	return send(fd, &request, sizeof(request), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int cp_attach_connect(const char *path, char *why, size_t why_len)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, rc;

	if (strlen(path) >= sizeof(address.sun_path))
		return refuse(-ENAMETOOLONG, why, why_len,
		        "the dataplane's socket path is longer than %zu characters: %s",
		        sizeof(address.sun_path) - 1, path);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return refuse(-errno, why, why_len, "no socket to reach the dataplane: %s",
		        strerror(errno));
	rc = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno
	                                                                   : send_request(fd);
	if (rc == 0)
		return fd;
	close(fd);
	if (rc == -EACCES || rc == -EPERM)
		return refuse(rc, why, why_len,
		        "%s: no permission: add anabranchd's user to the socket's group", path);
	return refuse(
	        rc, why, why_len, "%s: %s: is anabranch-dataplane running?", path, strerror(-rc));
}

static void close_all(struct received *received)
{
	for (size_t i = 0; i < received->nb_fds; i++)
		close(received->fds[i]);
	received->nb_fds = 0;
}

/* Keeps the descriptors of one control message; closes those that are too many. */
static void take_fds(struct received *received, const struct cmsghdr *cmsg)
{
	size_t nb = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < nb; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
		if (received->nb_fds < LB_SEGMENT_KINDS)
			received->fds[received->nb_fds++] = fd;
		else
			close(fd);
	}
}

static int receive(int fd, struct received *received, char *why, size_t why_len)
{
	/* room for more than three, so that too many can be told and are closed */
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))];
	struct iovec iov = {&received->reply, sizeof(received->reply)};
	struct msghdr msg = {.msg_iov = &iov,
	        .msg_iovlen = 1,
	        .msg_control = control,
	        .msg_controllen = sizeof(control)};
	ssize_t len = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	received->nb_fds = 0;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (len < 0)
		return refuse(
		        -errno, why, why_len, "no reply from the dataplane: %s", strerror(errno));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take_fds(received, c);
	if (len == 0)
		return refuse(-ECONNRESET, why, why_len,
		        "the dataplane closed the connection instead of a reply");
	if (len != sizeof(received->reply) || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
	        received->reply.magic != LB_ABI_MAGIC) {
		close_all(received);
		return refuse(-EPROTO, why, why_len,
		        "what answers on the dataplane's socket is no anabranch-dataplane");
	}
	return 0;
}

static int check_reply(const struct received *received, char *why, size_t why_len)
{
	const struct lb_attach_reply *reply = &received->reply;

	if (reply->abi_version != LB_ABI_VERSION || reply->status == LB_ATTACH_BAD_VERSION)
		return refuse(-EPROTO, why, why_len,
		        "the dataplane speaks ABI version %u, anabranchd %u: install both "
		        "programs from one release",
		        reply->abi_version, LB_ABI_VERSION);
	if (reply->status == LB_ATTACH_HELD)
		return refuse(-EBUSY, why, why_len,
		        "the dataplane is held by another anabranchd, process %d: stop one of them",
		        reply->holder_pid);
	if (reply->status != LB_ATTACH_OK)
		return refuse(-EPROTO, why, why_len, "the dataplane refused: %.*s",
		        (int)sizeof(reply->text), reply->text);
	if (received->nb_fds != LB_SEGMENT_KINDS)
		return refuse(-EPROTO, why, why_len, "the dataplane sent %zu descriptors, not %d",
		        received->nb_fds, LB_SEGMENT_KINDS);
	return 0;
}

/* Maps one segment whole, after its file can't change size any more. */
static int map_segment(int fd, enum lb_segment_kind kind, uint64_t session, void **base,
        uint64_t *size, char *why, size_t why_len)
{
	const int wanted = F_SEAL_SHRINK | F_SEAL_GROW;
	int seals = fcntl(fd, F_GET_SEALS);
	const char *name = segment_names[kind], *refusal;
	const struct lb_segment *segment;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return refuse(-errno, why, why_len, "%s segment: %s", name, strerror(errno));
	if (seals < 0 || (seals & wanted) != wanted)
		return refuse(-EPROTO, why, why_len,
		        "%s segment: it is not sealed against resizing", name);
	if (st.st_size < LB_TABLES_HEAP_OFFSET || st.st_size % 4096 != 0)
		return refuse(-EPROTO, why, why_len, "%s segment: %lld bytes are no size for it",
		        name, (long long)st.st_size);
	*size = (uint64_t)st.st_size;
	*base = mmap(NULL, *size, kind == LB_SEGMENT_STATS ? PROT_READ : PROT_READ | PROT_WRITE,
	        MAP_SHARED, fd, 0);
	if (*base == MAP_FAILED) {
		*base = NULL;
		return refuse(-errno, why, why_len, "%s segment: can't be mapped: %s", name,
		        strerror(errno));
	}
	segment = *base;
	refusal = lb_segment_refusal(segment, kind, *size);
	if (!refusal && segment->session != session)
		refusal = "it belongs to another start of the dataplane";
	if (refusal)
		return refuse(-EPROTO, why, why_len, "%s segment: %s", name, refusal);
	return 0;
}

static int check_stats(struct cp_attachment *a, char *why, size_t why_len)
{
	const struct lb_stats *s = a->stats;
	uint32_t nb_workers, max_targets, max_listeners;

	if (a->stats_size < sizeof(*s))
		return refuse(-EPROTO, why, why_len, "stats segment: smaller than its header");
	nb_workers = s->nb_workers;
	max_targets = s->max_targets;
	max_listeners = s->max_listeners;
	if (nb_workers == 0 || nb_workers > LB_MAX_WORKERS || max_targets > LB_MAX_TARGET_SLOTS ||
	        max_listeners > LB_MAX_LISTENERS || s->nb_ports > LB_MAX_PORTS ||
	        s->nb_counters > LB_COUNTER_SLOTS || s->nb_drops > LB_DROP_SLOTS)
		return refuse(-EPROTO, why, why_len,
		        "stats segment: a number in its header is above its limit");
	if (s->workers_offset != lb_stats_workers_offset() ||
	        s->targets_offset != lb_stats_targets_offset(nb_workers) ||
	        s->listeners_offset != lb_stats_listeners_offset(nb_workers, max_targets) ||
	        a->stats_size < lb_stats_size(nb_workers, max_targets, max_listeners))
		return refuse(-EPROTO, why, why_len,
		        "stats segment: its parts are not where %u workers, %u targets and %u "
		        "listeners put them",
		        nb_workers, max_targets, max_listeners);
	if (s->tables_size != a->tables_size)
		return refuse(
		        -EPROTO, why, why_len, "stats segment: it is of another tables segment");
	a->nb_workers = nb_workers;
	a->nb_consumers = nb_workers + 1;
	a->max_targets = max_targets;
	a->max_listeners = max_listeners;
	return 0;
}

static int check_rings(const struct cp_attachment *a, char *why, size_t why_len)
{
	const struct lb_rings *r = a->rings;

	if (r->nb_consumers != a->nb_consumers || r->ring_slots != LB_RING_SLOTS ||
	        r->ring_stride != LB_RING_STRIDE || a->rings_size < LB_RINGS_SIZE(a->nb_consumers))
		return refuse(-EPROTO, why, why_len,
		        "rings segment: it does not hold %u pairs of rings of %u slots",
		        a->nb_consumers, LB_RING_SLOTS);
	for (uint32_t i = 0; i < a->nb_consumers; i++)
		if (!lb_ring_sane(lb_command_ring(a->rings, i)) ||
		        !lb_ring_sane(lb_ack_ring(a->rings, i)))
			return refuse(-EPROTO, why, why_len,
			        "rings segment: ring %u is corrupt: restart the dataplane", i);
	return 0;
}

int cp_attach_receive(int fd, struct cp_attachment *attachment, char *why, size_t why_len)
{
	struct cp_attachment a = {0};
	struct received received;
	void *bases[LB_SEGMENT_KINDS] = {NULL};
	uint64_t sizes[LB_SEGMENT_KINDS] = {0};
	int rc;

	rc = receive(fd, &received, why, why_len);
	if (rc < 0)
		return rc;
	rc = check_reply(&received, why, why_len);
	for (int i = 0; rc == 0 && i < LB_SEGMENT_KINDS; i++)
		rc = map_segment(received.fds[i], i, received.reply.session, &bases[i], &sizes[i],
		        why, why_len);
	close_all(&received);
	a.tables = bases[LB_SEGMENT_TABLES];
	a.stats = bases[LB_SEGMENT_STATS];
	a.rings = bases[LB_SEGMENT_RINGS];
	a.tables_size = sizes[LB_SEGMENT_TABLES];
	a.stats_size = sizes[LB_SEGMENT_STATS];
	a.rings_size = sizes[LB_SEGMENT_RINGS];
	a.session = received.reply.session;
	a.dataplane_pid = received.reply.dataplane_pid;
	if (rc == 0)
		rc = check_stats(&a, why, why_len);
	if (rc == 0)
		rc = check_rings(&a, why, why_len);
	if (rc == 0)
		*attachment = a;
	else
		cp_attach_fini(&a);
	return rc;
}

void cp_attach_fini(struct cp_attachment *attachment)
{
	if (attachment->tables)
		munmap(attachment->tables, attachment->tables_size);
	if (attachment->stats)
		munmap((void *)(uintptr_t)attachment->stats, attachment->stats_size);
	if (attachment->rings)
		munmap(attachment->rings, attachment->rings_size);
	*attachment = (struct cp_attachment){0};
}
