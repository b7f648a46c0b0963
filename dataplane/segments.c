/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Segments are memfds: born with mode 0777, which would let whoever gets a read-only descriptor
 * reopen it for writing through /proc, so 0600 comes first. Sealed against resizing: a map that
 * shrinks kills its readers.
 */
#include "segments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

static const char *const names[LB_SEGMENT_KINDS] = {"tables", "stats", "rings"};

static int make_fd(const char *instance, enum lb_segment_kind kind, uint64_t size)
{
	char name[64];
	int fd, err;

	snprintf(name, sizeof(name), "anabranch-%s-%s", instance, names[kind]);
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0600) < 0 || ftruncate(fd, (off_t)size) < 0 ||
	        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int map(int fd, uint64_t size, int protection, void **base)
{
	*base = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
	return *base == MAP_FAILED ? -errno : 0;
}

static struct lb_segment header(const struct dp_segments *s, enum lb_segment_kind kind)
{
	return (struct lb_segment){.magic = LB_ABI_MAGIC,
	        .abi_version = LB_ABI_VERSION,
	        .kind = kind,
	        .size = s->sizes[kind],
	        .session = s->session};
}

/* The dataplane writes the header of the tables and nothing else there, ever. */
static int init_tables(struct dp_segments *s)
{
	struct lb_segment *segment;
	int fd = s->fds[LB_SEGMENT_TABLES], rc;
	void *base;

	rc = map(fd, LB_TABLES_HEAP_OFFSET, PROT_READ | PROT_WRITE, &base);
	if (rc < 0)
		return rc;
	segment = base;
	*segment = header(s, LB_SEGMENT_TABLES);
	munmap(base, LB_TABLES_HEAP_OFFSET);
	rc = map(fd, s->sizes[LB_SEGMENT_TABLES], PROT_READ, &base);
	if (rc == 0)
		s->tables = base;
	return rc;
}

static int init_stats(struct dp_segments *s, const struct dp_segments_config *config)
{
	struct lb_stats *stats;
	void *base;
	int rc = map(s->fds[LB_SEGMENT_STATS], s->sizes[LB_SEGMENT_STATS], PROT_READ | PROT_WRITE,
	        &base);

	if (rc < 0)
		return rc;
	s->stats = stats = base;
	stats->segment = header(s, LB_SEGMENT_STATS);
	snprintf(stats->instance, sizeof(stats->instance), "%s", config->instance);
	snprintf(stats->version, sizeof(stats->version), "%s", LB_VERSION);
	stats->started_ms = dp_clock_unix_ms();
	stats->pid = getpid();
	stats->nb_workers = config->nb_workers;
	stats->nb_counters = LB_COUNTER_COUNT;
	stats->nb_drops = LB_DROP_COUNT;
	stats->max_targets = config->max_targets;
	stats->max_listeners = config->max_listeners;
	stats->hugepages = config->huge;
	stats->flow_capacity = config->flow_capacity;
	stats->tables_size = config->tables_size;
	stats->workers_offset = lb_stats_workers_offset();
	stats->targets_offset = lb_stats_targets_offset(config->nb_workers);
	stats->listeners_offset =
	        lb_stats_listeners_offset(config->nb_workers, config->max_targets);
	return 0;
}

static int init_rings(struct dp_segments *s, uint32_t nb_consumers)
{
	struct lb_rings *rings;
	void *base;
	int rc = map(s->fds[LB_SEGMENT_RINGS], s->sizes[LB_SEGMENT_RINGS], PROT_READ | PROT_WRITE,
	        &base);

	if (rc < 0)
		return rc;
	s->rings = rings = base;
	rings->segment = header(s, LB_SEGMENT_RINGS);
	rings->nb_consumers = nb_consumers;
	rings->ring_slots = LB_RING_SLOTS;
	rings->ring_stride = LB_RING_STRIDE;
	for (uint32_t i = 0; i < nb_consumers && rc == 0; i++) {
		rc = rte_ring_init(lb_command_ring(rings, i), "commands", LB_RING_SLOTS,
		        RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (rc == 0)
			rc = rte_ring_init(lb_ack_ring(rings, i), "acknowledgements", LB_RING_SLOTS,
			        RING_F_SP_ENQ | RING_F_SC_DEQ);
	}
	return rc;
}

int dp_segments_create(struct dp_segments *s, const struct dp_segments_config *config)
{
	enum lb_segment_kind kind;
	int rc = 0;

	*s = (struct dp_segments){.fds = {-1, -1, -1}};
	s->sizes[LB_SEGMENT_TABLES] = config->tables_size;
	s->sizes[LB_SEGMENT_STATS] =
	        lb_stats_size(config->nb_workers, config->max_targets, config->max_listeners);
	s->sizes[LB_SEGMENT_RINGS] = LB_RINGS_SIZE(config->nb_workers + 1);
	if (getrandom(&s->session, sizeof(s->session), 0) != sizeof(s->session))
		rc = -EIO;
	for (kind = 0; kind < LB_SEGMENT_KINDS && rc == 0; kind++) {
		s->fds[kind] = make_fd(config->instance, kind, s->sizes[kind]);
		rc = s->fds[kind] < 0 ? s->fds[kind] : 0;
	}
	if (rc == 0)
		rc = init_tables(s);
	if (rc == 0)
		rc = init_stats(s, config);
	if (rc == 0)
		rc = init_rings(s, config->nb_workers + 1);
	if (rc == 0)
		return 0;
	dp_log_error("shared memory for the control plane (%llu bytes): %s",
	        (unsigned long long)(s->sizes[0] + s->sizes[1] + s->sizes[2]), strerror(-rc));
	dp_segments_destroy(s);
	return rc;
}

void dp_segments_destroy(struct dp_segments *s)
{
	void *const bases[LB_SEGMENT_KINDS] = {(void *)(uintptr_t)s->tables, s->stats, s->rings};

	for (int kind = 0; kind < LB_SEGMENT_KINDS; kind++) {
		if (bases[kind] != NULL)
			munmap(bases[kind], s->sizes[kind]);
		if (s->fds[kind] >= 0)
			close(s->fds[kind]);
	}
	*s = (struct dp_segments){.fds = {-1, -1, -1}};
}

int dp_segments_share(const struct dp_segments *s, enum lb_segment_kind kind)
{
	char path[64];
	int fd;

	if (kind == LB_SEGMENT_STATS) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", s->fds[kind]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	} else {
		fd = fcntl(s->fds[kind], F_DUPFD_CLOEXEC, 0);
	}
	return fd < 0 ? -errno : fd;
}
