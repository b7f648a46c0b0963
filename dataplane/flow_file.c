/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where the flow table lives: its file or anonymous memory, made, found again and let go.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <rte_common.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "clock.h"
#include "flow_count.h"
#include "flow_numa.h"
#include "flow_pool.h"
#include "flow_repair.h"
#include "flow_vip.h"
#include "log.h"

#define DEFAULT_CLIENT_LIMIT  64
#define DEFAULT_UDP_TIMEOUT_S 120
#define MIN_OVERFLOW          8
#define LARGE                 (UINT64_C(1) << 30) /* bytes: opening it takes time */
#define HUGE_PAGE             (UINT64_C(2) << 20)

/* Five flows to a bucket of nine slots: three buckets in a hundred of a full table overflow
 * (Poisson). Together the lines are less than a quarter of the flows: 64 + 15.5 bytes a flow. */
static void size_lines(struct dp_flow_table *t)
{
	uint32_t flows = t->capacity[0] + t->capacity[1];

	t->nb_buckets = (flows + 4) / 5;
	t->nb_overflow = RTE_MAX(flows / 24, (uint32_t)MIN_OVERFLOW);
}

static uint64_t table_size(const struct dp_flow_table *t)
{
	return FLOW_VIPS_AT + t->nb_vips * sizeof(struct flow_vip) +
	       ((uint64_t)t->nb_buckets + t->nb_overflow) * sizeof(struct flow_line) +
	       8 * (((uint64_t)t->capacity[0] + t->capacity[1]) << t->shift);
}

static void table_place(struct dp_flow_table *t, void *memory)
{
	uint8_t *at = memory;

	t->header = memory;
	t->holds = (struct flow_hold *)(at + FLOW_HOLD_AT);
	t->vips = (struct flow_vip *)(at + FLOW_VIPS_AT);
	t->lines = (struct flow_line *)(t->vips + t->nb_vips);
	t->entries = (uint64_t *)(t->lines + t->nb_buckets + t->nb_overflow);
}

/* The pools of an empty table. Entries that workers keep for themselves are at most about 3 % of
 * the table's. */
static void pools_init(struct dp_flow_table *t)
{
	uint32_t begin = 0;

	for (uint32_t f = 0; f < 2; f++) {
		struct flow_pool *pool = &t->pools[f];
		uint32_t share = RTE_MAX(t->capacity[f] / (64 * t->nb_callers), 1u);

		*pool = (struct flow_pool){.fresh = begin,
		        .end = begin + t->capacity[f],
		        .nb_free = t->capacity[f],
		        .batch = RTE_MIN(share, (uint32_t)FLOW_MAX_BATCH),
		        .cache_max = RTE_MIN(2 * share, (uint32_t)FLOW_MAX_CACHE)};
		begin += t->capacity[f];
	}
	t->overflow = (struct flow_pool){.end = t->nb_overflow, .nb_free = t->nb_overflow};
}

/* Each worker sweeps its own share; the last caller, the main thread, all of it if it cares to. */
static void workers_init(struct dp_flow_table *t)
{
	uint32_t nb_workers = t->nb_callers - 1;

	for (uint32_t w = 0; w < t->nb_callers; w++) {
		uint64_t n = t->nb_buckets;
		struct flow_worker *worker = &t->workers[w];

		worker->age_begin = w < nb_workers ? (uint32_t)(n * w / nb_workers) : 0;
		worker->age_end =
		        w < nb_workers ? (uint32_t)(n * (w + 1) / nb_workers) : t->nb_buckets;
		worker->age_at = worker->age_begin;
		worker->evict_at = (uint32_t)(n * w / t->nb_callers);
	}
}

/* Which boot this is, or zeros where the kernel does not say. */
static void boot_id_read(uint8_t id[16])
{
	char text[64];
	ssize_t n;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(id, 0, 16);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text));
	close(fd);
	for (ssize_t i = 0, digits = 0; i < n && digits < 32; i++) {
		const char *hex = "0123456789abcdef", *digit = strchr(hex, text[i]);

		if (digit == NULL || text[i] == '\0')
			continue;
		id[digits / 2] |= (uint8_t)((digit - hex) << (digits % 2 == 0 ? 4 : 0));
		digits++;
	}
}

/* Writes the header of zeroed memory: the magic number last, so that a process killed before leaves
 * a file that the next one makes anew. */
static int table_init(struct dp_flow_table *t)
{
	struct flow_header h = {
	        .layout = FLOW_LAYOUT,
	        .nb_vips = t->nb_vips,
	        .nb_buckets = t->nb_buckets,
	        .nb_overflow = t->nb_overflow,
	        .capacity = {t->capacity[0], t->capacity[1]},
	        .counters = t->counters,
	        .size = table_size(t),
	        .clock_base_ms = dp_clock_boot_ms(),
	};

	if (getrandom(h.secret, sizeof(h.secret), 0) != sizeof(h.secret))
		return -errno;
	boot_id_read(h.boot_id);
	*t->header = h;
	flow_store(&t->header->magic, FLOW_MAGIC);
	return 0;
}

/* Why the table in the file can't be taken over, or NULL. */
static const char *header_refusal(const struct dp_flow_table *t)
{
	const struct flow_header *h = t->header;
	uint8_t boot_id[16];

	boot_id_read(boot_id);
	if (h->magic != FLOW_MAGIC)
		return "it was never finished";
	if (h->layout != FLOW_LAYOUT)
		return "it has another layout version";
	if (h->counters != t->counters)
		return t->counters ? "it has no counters" : "it has counters";
	if (h->capacity[0] != t->capacity[0] || h->capacity[1] != t->capacity[1] ||
	        h->nb_vips != t->nb_vips || h->nb_buckets != t->nb_buckets ||
	        h->nb_overflow != t->nb_overflow || h->size != table_size(t))
		return "it is for another number of flows";
	if (memcmp(h->boot_id, boot_id, sizeof(boot_id)) != 0)
		return "it is from before a reboot";
	return NULL;
}

static void secrets_copy(struct dp_flow_table *t)
{
	memcpy(t->secret, t->header->secret, sizeof(t->secret));
	t->clock_base_ms = t->header->clock_base_ms;
}

/* Places the table in mapped memory, and brings all of its pages in: the packet's way should not
 * wait for them. In huge pages if the kernel has some to give; best effort. */
static int memory_use(struct dp_flow_table *t, void *memory)
{
	if (memory == MAP_FAILED)
		return -errno;
	madvise(memory, t->map_size, MADV_HUGEPAGE);
	madvise(memory, t->map_size, MADV_POPULATE_WRITE);
	table_place(t, memory);
	return 0;
}

static int map_file(struct dp_flow_table *t)
{
	return memory_use(t, mmap(NULL, t->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd, 0));
}

/* Empties the file and reserves all its memory now: a full tmpfs must fail here, not as a SIGBUS on
 * the packet's way. */
static int file_clear(struct dp_flow_table *t)
{
	sigset_t all, before;
	int rc;

	if (t->map_size >= LARGE)
		dp_log_info("flow table: taking %llu GB of memory, some seconds' work",
		        (unsigned long long)(t->map_size >> 30));
	if (ftruncate(t->fd, 0) != 0 || ftruncate(t->fd, (off_t)t->map_size) != 0)
		return -errno;
	/* on hugetlbfs a signal ends it between two pages, and a TAP port sends many */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = fallocate(t->fd, 0, 0, (off_t)t->map_size) != 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

/* Opens the file for us alone. '*size' is what it has. */
static int file_open(struct dp_flow_table *t, const char *path, uint64_t *size)
{
	struct stat st;
	struct statfs fs;

	t->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (t->fd < 0 || fstat(t->fd, &st) != 0 || fstatfs(t->fd, &fs) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_uid != geteuid())
		return -EPERM;
	if (flock(t->fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	if ((st.st_mode & 07777) != 0600 && fchmod(t->fd, 0600) != 0)
		return -errno;
	if (fs.f_type == HUGETLBFS_MAGIC)
		t->map_size = LB_ALIGN_UP(t->map_size, (uint64_t)fs.f_bsize);
	*size = (uint64_t)st.st_size;
	return 0;
}

/* Takes over what the mapped file holds. False: it has to be made anew, and the log says why. */
static int file_adopt(struct dp_flow_table *t, const char *path)
{
	const char *refusal = header_refusal(t);
	int rc;

	if (refusal != NULL) {
		dp_log_notice("flow table %s: %s; it starts empty", path, refusal);
		return -EBADMSG;
	}
	secrets_copy(t);
	if (t->map_size >= LARGE)
		dp_log_info("flow table %s: looking through %llu GB, some seconds' work", path,
		        (unsigned long long)(t->map_size >> 30));
	rc = flow_repair(t, dp_flow_now(t, dp_clock_boot_ms()));
	if (rc == -EBADMSG)
		dp_log_warning("flow table %s: it is damaged; it starts empty", path);
	return rc;
}

static int open_file(struct dp_flow_table *t, const char *path, bool *kept)
{
	uint64_t size = 0;
	int rc = file_open(t, path, &size);

	if (rc != 0)
		return rc;
	if (size == t->map_size) {
		rc = map_file(t);
		if (rc == 0)
			rc = file_adopt(t, path);
		*kept = rc == 0;
		if (rc != -EBADMSG)
			return rc;
		munmap(t->header, t->map_size);
		t->header = NULL;
		pools_init(t);
	} else if (size != 0) {
		dp_log_notice("flow table %s: it has another size: it is for another number of "
		              "flows, another version's, or with counters and now without, or the "
		              "reverse; it starts empty",
		        path);
	}
	rc = file_clear(t);
	if (rc == 0)
		rc = map_file(t);
	return rc == 0 ? table_init(t) : rc;
}

static int open_anonymous(struct dp_flow_table *t, bool huge)
{
	const int protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	void *memory = MAP_FAILED;
	int rc;

	if (huge) {
		t->map_size = LB_ALIGN_UP(t->map_size, HUGE_PAGE);
		memory = mmap(NULL, t->map_size, protection, flags | MAP_HUGETLB, -1, 0);
	}
	if (memory == MAP_FAILED)
		memory = mmap(NULL, t->map_size, protection, flags, -1, 0);
	rc = memory_use(t, memory);
	return rc == 0 ? table_init(t) : rc;
}

static void timeouts_init(struct dp_flow_table *t, const struct dp_flow_config *config)
{
	const uint32_t timeouts_s[] = {
	        [DP_TCP_CLASS_NONE] =
	                config->udp_timeout_s != 0 ? config->udp_timeout_s : DEFAULT_UDP_TIMEOUT_S,
	        [DP_TCP_CLASS_HALF_OPEN] = DP_TCP_HALF_OPEN_TIMEOUT_S,
	        [DP_TCP_CLASS_OPEN] = FLOW_OWN_TIMEOUT,
	        [DP_TCP_CLASS_CLOSING] = DP_TCP_CLOSING_TIMEOUT_S,
	};

	for (uint32_t state = 0; state < RTE_DIM(t->timeouts_s); state++)
		t->timeouts_s[state] = timeouts_s[dp_tcp_class((uint8_t)state)];
}

static int config_check(const struct dp_flow_config *config)
{
	uint64_t flows = (uint64_t)config->ipv4_flows + config->ipv6_flows;

	if (flows == 0 || flows > DP_FLOW_MAX || config->nb_workers == 0 ||
	        config->nb_workers > LB_MAX_WORKERS || config->client_limit > FLOW_MAX_CLIENT_LIMIT)
		return -EINVAL;
	return 0;
}

int dp_flow_open(const struct dp_flow_config *config, struct dp_flow_table **table, bool *kept)
{
	struct dp_flow_table *t;
	struct flow_numa numa;
	bool was_kept = false;
	int rc = config_check(config);

	if (rc != 0)
		return rc;
	t = aligned_alloc(LB_CACHE_LINE, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	memset(t, 0, sizeof(*t));
	t->fd = -1;
	t->capacity[0] = config->ipv4_flows;
	t->capacity[1] = config->ipv6_flows;
	t->nb_callers = config->nb_workers + 1;
	t->client_limit = config->client_limit != 0 ? config->client_limit : DEFAULT_CLIENT_LIMIT;
	timeouts_init(t, config);
	t->counters = config->counters;
	t->shift = t->counters ? 4 : 3;
	t->nb_vips = flow_vips_size(t->capacity[1]);
	t->vip_mask = t->nb_vips - 1;
	size_lines(t);
	t->map_size = table_size(t);
	pools_init(t);
	workers_init(t);
	rc = flow_tallies_make(t);
	if (rc != 0) {
		dp_flow_close(t);
		return rc;
	}
	flow_numa_begin(&numa, config->numa_nodes);
	rc = config->path != NULL ? open_file(t, config->path, &was_kept)
	                          : open_anonymous(t, config->huge);
	flow_numa_end(&numa);
	if (rc != 0) {
		dp_flow_close(t);
		return rc;
	}
	secrets_copy(t);
	if (kept != NULL)
		*kept = was_kept;
	*table = t;
	return 0;
}

void dp_flow_close(struct dp_flow_table *t)
{
	flow_tallies_free(t);
	if (t->header != NULL)
		munmap(t->header, t->map_size);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}
