/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The kernel's side of the dataplane: when what is read, written and asked.
 */
#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "report.h"
#include "service.h"

/* Reading everything anew takes at most about a tenth of the main lcore. */
#define READ_EVERY_MS    10
#define READ_SHARE       10
#define RETRY_MS         1000
#define UPKEEP_MS        1000
#define UPKEEP_SOON_MS   20
#define UPKEEP_PROBES    256 /* at most, each time */
#define WANTED_PER_CYCLE 64

struct dp_kernel {
	struct dp_kernel_config config;
	char instance[LB_INSTANCE_LEN];
	char *bpffs;
	struct dp_kernel_port ports[LB_MAX_PORTS];
	struct lb_stats *stats;
	struct dp_netlink nl;
	struct dp_mirror mirror;
	struct dp_service service;
	unsigned changes; /* enum dp_netlink_changes: not read yet */
	bool apply_again;
	bool commit_again, commit_all; /* for a worker that stood still; for routes that had no room
	                                */
	bool upkeep_soon;              /* new targets */
	uint64_t read_at_ms, retry_at_ms, upkeep_at_ms;
	uint32_t upkeep_cursor;
};

static bool needs_retry(const struct dp_kernel *k)
{
	return k->apply_again || k->commit_again || k->commit_all;
}

static void retry_later(struct dp_kernel *k, uint64_t now_ms)
{
	if (k->retry_at_ms <= now_ms)
		k->retry_at_ms = now_ms + RETRY_MS;
}

static void commit(struct dp_kernel *k, bool all)
{
	int ret = dp_mirror_commit(&k->mirror, all);

	k->commit_again = ret == -ETIMEDOUT;
	k->commit_all = ret != 0 && ret != -ETIMEDOUT;
	if (ret == -ETIMEDOUT)
		dp_kernel_report(k->stats, "a worker stands still: new routes wait for it");
	else if (ret != 0)
		dp_kernel_report(k->stats,
		        "routes don't fit the forwarding table: %s; raise max_routes",
		        strerror(-ret));
}

/* Reads what has changed and passes it on. */
static void synchronize(struct dp_kernel *k, uint64_t now_ms)
{
	unsigned changes = k->changes;
	uint64_t began = dp_clock_ms();
	int ret = dp_mirror_read(&k->mirror, &k->nl, changes);

	if (ret == -EINTR) { /* changed while it was read: the next round reads it again */
		k->read_at_ms = now_ms + READ_EVERY_MS;
		return;
	}
	if (ret != 0) {
		dp_kernel_report(k->stats, "can't read routes and neighbours: %s", strerror(-ret));
		k->read_at_ms = now_ms + RETRY_MS;
		return;
	}
	k->changes = 0;
	commit(k, false);
	if (changes & ~(unsigned)DP_CHANGED_NEIGHBOURS) {
		if (dp_service_locals(&k->service, &k->mirror.routes) != 0)
			k->changes = DP_CHANGED_ROUTES;
	}
	if (changes & (DP_CHANGED_LINKS | DP_CHANGED_ADDRESSES))
		k->apply_again = dp_service_apply(&k->service) != 0;
	if (needs_retry(k))
		retry_later(k, now_ms);
	k->read_at_ms = now_ms + READ_EVERY_MS + (dp_clock_ms() - began) * READ_SHARE;
}

static bool probe_if_needed(struct dp_kernel *k, const struct lb_ip *ip, uint32_t ifindex)
{
	int ret;

	if (!dp_neighbour_needs_probe(dp_neighbours_find(&k->mirror.neighbours, ifindex, ip)))
		return false;
	ret = dp_neighbour_probe(&k->nl, ifindex, ip);
	if (ret != 0 && ret != -ENETDOWN && ret != -ENODEV)
		dp_kernel_report(
		        k->stats, "the kernel won't look for a neighbour: %s", strerror(-ret));
	return true;
}

/* Neighbours in use: those of the targets, and the gateways. A place in this sequence is the
 * cursor, so that many that need a probe get it in turn. */
static bool keep_fresh(struct dp_kernel *k, uint32_t place)
{
	const struct dp_routes *routes = &k->mirror.routes;
	struct lb_ip hop;
	uint32_t ifindex;
	const struct lb_ip *to;

	if (place < k->service.wants.targets.n) {
		to = &k->service.wants.targets.items[place].ip;
		if (place > 0 && lb_ip_equal(to, &k->service.wants.targets.items[place - 1].ip))
			return false;
	} else {
		to = &routes->list.items[place - k->service.wants.targets.n].prefix;
		if (routes->list.items[place - k->service.wants.targets.n].kind != DP_ROUTE_VIA)
			return false;
	}
	return dp_mirror_next_hop(&k->mirror, to, &hop, &ifindex) &&
	       probe_if_needed(k, &hop, ifindex);
}

static void upkeep(struct dp_kernel *k)
{
	uint32_t all = k->service.wants.targets.n + k->mirror.routes.list.n, probes = 0;

	for (uint32_t i = 0; i < all && probes < UPKEEP_PROBES; i++)
		probes += keep_fresh(k, k->upkeep_cursor++ % all);
}

static void ask_for_wanted(struct dp_kernel *k)
{
	struct lb_ip ip, hop;
	uint32_t ifindex;

	for (int i = 0; i < WANTED_PER_CYCLE && dp_fib_wanted(k->mirror.fib, &ip, &ifindex); i++) {
		if (dp_mirror_next_hop(&k->mirror, &ip, &hop, &ifindex))
			probe_if_needed(k, &hop, ifindex);
	}
}

static void try_again(struct dp_kernel *k, uint64_t now_ms)
{
	k->retry_at_ms = now_ms + RETRY_MS;
	if (k->commit_again || k->commit_all)
		commit(k, k->commit_all);
	if (k->apply_again)
		k->apply_again = dp_service_apply(&k->service) != 0;
}

void dp_kernel_run(struct dp_kernel *k, uint64_t now_ms)
{
	k->changes |= dp_netlink_changes(&k->nl);
	if (k->changes != 0 && now_ms >= k->read_at_ms)
		synchronize(k, now_ms);
	ask_for_wanted(k);
	if (k->upkeep_soon && k->upkeep_at_ms > now_ms + UPKEEP_SOON_MS)
		k->upkeep_at_ms = now_ms + UPKEEP_SOON_MS;
	if (now_ms >= k->upkeep_at_ms) {
		k->upkeep_at_ms = now_ms + UPKEEP_MS;
		k->upkeep_soon = false;
		upkeep(k);
	}
	if (needs_retry(k) && now_ms >= k->retry_at_ms)
		try_again(k, now_ms);
}

int dp_kernel_apply(struct dp_kernel *k, const struct dp_tables *tables)
{
	bool changed;
	int ret = dp_service_take(&k->service, tables, &changed);

	k->upkeep_soon |= changed;
	/* Most generations are another verdict or weight: nothing that the kernel needs to know. */
	if (ret == 0 && (changed || k->apply_again))
		ret = dp_service_apply(&k->service);
	k->apply_again = ret != 0;
	return ret;
}

int dp_kernel_fd(const struct dp_kernel *k)
{
	return mnl_socket_get_fd(k->nl.events);
}

static int open_guard(struct dp_kernel *k)
{
	if (!k->config.guard)
		return 0;
	k->service.guard = dp_guard_open(k->instance);
	if (k->service.guard != NULL)
		return dp_service_adopt(&k->service);
	dp_log_error("can't set up the nftables guard of instance %s: %s; it needs CAP_NET_ADMIN "
	             "and nf_tables in the kernel",
	        k->instance, strerror(errno));
	return -errno;
}

static int open_steering(struct dp_kernel *k, uint32_t nb_ports)
{
	bool steered = false;

	for (uint32_t i = 0; i < nb_ports; i++)
		steered |= k->ports[i].steered;
	if (!steered)
		return 0;
	k->service.steer = dp_steer_open(k->instance, k->bpffs);
	if (k->service.steer != NULL)
		return 0;
	dp_log_error("can't open the steering maps of instance %s below %s: %s", k->instance,
	        k->bpffs, strerror(errno));
	return -errno;
}

static int open_netlink(struct dp_kernel *k)
{
	int ret = dp_netlink_open(&k->nl);

	if (ret != 0)
		dp_log_error("can't open routing netlink: %s", strerror(-ret));
	return ret;
}

static void set_up(struct dp_kernel *k, const struct dp_kernel_config *config,
        const struct dp_kernel_port *ports, uint32_t nb_ports, struct dp_fib *fib,
        struct lb_stats *stats)
{
	strncpy(k->instance, config->instance, sizeof(k->instance) - 1);
	memcpy(k->ports, ports, nb_ports * sizeof(*ports));
	k->config = *config;
	k->config.instance = k->instance;
	k->config.bpffs = k->bpffs;
	k->stats = stats;
	k->mirror.ports = k->ports;
	k->mirror.nb_ports = nb_ports;
	k->mirror.fib = fib;
	k->service.config = &k->config;
	k->service.stats = stats;
	k->service.nl = &k->nl;
	k->service.links = &k->mirror.links;
	k->changes = DP_CHANGED_ALL;
}

struct dp_kernel *dp_kernel_create(const struct dp_kernel_config *config,
        const struct dp_kernel_port *ports, uint32_t nb_ports, struct dp_fib *fib,
        struct lb_stats *stats)
{
	struct dp_kernel *k = calloc(1, sizeof(*k));
	int ret = -ENOMEM;

	if (k == NULL || nb_ports > LB_MAX_PORTS)
		goto fail;
	k->bpffs = strdup(config->bpffs != NULL ? config->bpffs : "");
	if (k->bpffs == NULL)
		goto fail;
	set_up(k, config, ports, nb_ports, fib, stats);
	ret = open_netlink(k);
	if (ret == 0)
		ret = open_guard(k);
	if (ret == 0)
		ret = open_steering(k, nb_ports);
	if (ret != 0)
		goto fail;
	synchronize(k, 0);
	return k;

fail:
	dp_kernel_destroy(k);
	errno = -ret;
	return NULL;
}

void dp_kernel_destroy(struct dp_kernel *k)
{
	if (k == NULL)
		return;
	dp_service_free(&k->service);
	dp_mirror_free(&k->mirror);
	dp_netlink_close(&k->nl);
	free(k->bpffs);
	free(k);
}
