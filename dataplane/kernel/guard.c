/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The guard, as commands to libnftables: one buffer is one transaction.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>

#include <nftables/libnftables.h>

#include "guard.h"

struct dp_guard {
	struct nft_ctx *nft;
	char table[sizeof("anabranch_") + LB_INSTANCE_LEN];
	char error[160];
	bool known; /* 'vips' and 'targets' are what the sets hold */
	dp_endpoint_list vips, targets;
};

static void table_name(char *table, size_t size, const char *instance)
{
	snprintf(table, size, "anabranch_%.*s", LB_INSTANCE_LEN, instance);
	for (char *c = table; *c != '\0'; c++)
		*c = isalnum((unsigned char)*c) ? *c : '_';
}

static struct nft_ctx *context(void)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

	if (nft != NULL && (nft_ctx_buffer_error(nft) != 0 || nft_ctx_buffer_output(nft) != 0)) {
		nft_ctx_free(nft);
		nft = NULL;
	}
	return nft;
}

static int run(struct dp_guard *guard, const char *commands)
{
	const char *text;

	if (nft_run_cmd_from_buffer(guard->nft, commands) == 0)
		return 0;
	text = nft_ctx_get_error_buffer(guard->nft);
	snprintf(guard->error, sizeof(guard->error), "%.*s", (int)strcspn(text, "\n"), text);
	return errno == EPERM ? -EPERM : -EIO;
}

/* %1$s is the table. Sets that are there keep their elements; the rules are made anew. */
static const char skeleton[] =
        "add table inet %1$s\n"
        "add set inet %1$s vips4 { type ipv4_addr; }\n"
        "add set inet %1$s vips6 { type ipv6_addr; }\n"
        "add set inet %1$s targets4 { type ipv4_addr . inet_proto . inet_service; }\n"
        "add set inet %1$s targets6 { type ipv6_addr . inet_proto . inet_service; }\n"
        "add chain inet %1$s prerouting { type filter hook prerouting priority -310; }\n"
        "add chain inet %1$s input { type filter hook input priority -10; }\n"
        "add chain inet %1$s forward { type filter hook forward priority -10; }\n"
        "flush table inet %1$s\n"
        "add rule inet %1$s prerouting ip daddr @vips4 meta l4proto { tcp, udp } drop\n"
        "add rule inet %1$s prerouting ip6 daddr @vips6 meta l4proto { tcp, udp } drop\n"
        "add rule inet %1$s input ip daddr @vips4 meta l4proto { tcp, udp } drop\n"
        "add rule inet %1$s input ip6 daddr @vips6 meta l4proto { tcp, udp } drop\n"
        "add rule inet %1$s forward ip saddr . meta l4proto . th sport @targets4 drop\n"
        "add rule inet %1$s forward ip6 saddr . meta l4proto . th sport @targets6 drop\n";

struct dp_guard *dp_guard_open(const char *instance)
{
	struct dp_guard *guard = calloc(1, sizeof(*guard));
	char commands[sizeof(skeleton) + 16 * sizeof(guard->table)];
	int ret = -ENOMEM;

	if (guard == NULL)
		return NULL;
	table_name(guard->table, sizeof(guard->table), instance);
	guard->nft = context();
	if (guard->nft != NULL) {
		snprintf(commands, sizeof(commands), skeleton, guard->table);
		ret = run(guard, commands);
	}
	if (ret == 0)
		return guard;
	dp_guard_close(guard);
	errno = -ret;
	return NULL;
}

void dp_guard_close(struct dp_guard *guard)
{
	if (guard == NULL)
		return;
	if (guard->nft != NULL)
		nft_ctx_free(guard->nft);
	dp_list_free(&guard->vips);
	dp_list_free(&guard->targets);
	free(guard);
}

static const char *ip_text(const struct lb_ip *ip, char text[INET6_ADDRSTRLEN])
{
	if (lb_ip_is_v4(ip))
		return inet_ntop(AF_INET, ip->bytes + 12, text, INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, ip->bytes, text, INET6_ADDRSTRLEN);
}

int dp_endpoint_compare(const void *a, const void *b)
{
	const struct dp_steer_endpoint *x = a, *y = b;
	int order = memcmp(&x->ip, &y->ip, sizeof(x->ip));

	if (order != 0)
		return order;
	return x->protocol != y->protocol ? x->protocol - y->protocol : x->port - y->port;
}

/* One of the four sets: those of targets hold elements with a protocol. */
struct set {
	const char *name;
	bool v4, targets;
};

static const struct set sets[] = {{"vips4", true, false}, {"vips6", false, false},
        {"targets4", true, true}, {"targets6", false, true}};

static void write_element(FILE *out, const struct set *set, const struct dp_steer_endpoint *e)
{
	char text[INET6_ADDRSTRLEN];

	fputs(ip_text(&e->ip, text), out);
	if (set->targets)
		fprintf(out, " . %s . %u", e->protocol == IPPROTO_TCP ? "tcp" : "udp",
		        ntohs(e->port));
}

/* Has 'verb' done to the elements of 'of' that 'but' lacks; both are sorted. */
static void write_difference(FILE *out, const char *table, const char *verb, const struct set *set,
        const dp_endpoint_list *of, const dp_endpoint_list *but)
{
	bool any = false;
	uint32_t j = 0;

	for (uint32_t i = 0; i < of->n; i++) {
		const struct dp_steer_endpoint *e = &of->items[i];

		while (j < but->n && dp_endpoint_compare(&but->items[j], e) < 0)
			j++;
		if (lb_ip_is_v4(&e->ip) != set->v4 ||
		        (j < but->n && dp_endpoint_compare(&but->items[j], e) == 0))
			continue;
		if (any)
			fputs(", ", out);
		else
			fprintf(out, "%s element inet %s %s { ", verb, table, set->name);
		any = true;
		write_element(out, set, e);
	}
	fputs(any ? " }\n" : "", out);
}

static char *write_changes(
        struct dp_guard *guard, const dp_endpoint_list *vips, const dp_endpoint_list *targets)
{
	char *commands = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&commands, &size);

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		const struct set *set = &sets[i];
		const dp_endpoint_list *wanted = set->targets ? targets : vips;
		dp_endpoint_list *held = set->targets ? &guard->targets : &guard->vips;

		if (!guard->known) {
			held->n = 0;
			fprintf(out, "flush set inet %s %s\n", guard->table, set->name);
		}
		write_difference(out, guard->table, "add", set, wanted, held);
		write_difference(out, guard->table, "delete", set, held, wanted);
	}
	if (fclose(out) == 0)
		return commands;
	free(commands);
	return NULL;
}

static int copy(dp_endpoint_list *to, const dp_endpoint_list *from)
{
	int ret = 0;

	to->n = 0;
	for (uint32_t i = 0; i < from->n && ret == 0; i++)
		ret = dp_list_add(to, from->items[i]);
	return ret;
}

static int copy_vips(dp_endpoint_list *to, const dp_ip_list *from)
{
	int ret = 0;

	for (uint32_t i = 0; i < from->n && ret == 0; i++) {
		struct dp_steer_endpoint vip = {.ip = from->items[i]};

		ret = dp_list_add(to, vip);
	}
	return ret;
}

int dp_guard_set(struct dp_guard *guard, const dp_ip_list *vips, const dp_endpoint_list *targets)
{
	dp_endpoint_list wanted = {0};
	char *commands = NULL;
	int ret = copy_vips(&wanted, vips);

	if (ret == 0) {
		commands = write_changes(guard, &wanted, targets);
		ret = commands == NULL ? -ENOMEM : 0;
	}
	if (ret == 0 && commands[0] != '\0')
		ret = run(guard, commands);
	if (ret == 0)
		ret = copy(&guard->targets, targets);
	guard->known = ret == 0;
	free(commands);
	dp_list_free(&guard->vips);
	guard->vips = wanted;
	return ret;
}

const char *dp_guard_error(const struct dp_guard *guard)
{
	return guard->error;
}

/* Takes the addresses out of 'list set': the words after "elements" that are addresses. */
static int collect(const char *listing, dp_ip_list *vips)
{
	const char *at = strstr(listing, "elements");
	int ret = 0;

	while (at != NULL && *at != '\0' && ret == 0) {
		char word[INET6_ADDRSTRLEN];
		size_t n = strcspn(at, " \t\n,{}=");
		struct lb_ip ip;
		lb_be32 v4;

		snprintf(word, sizeof(word), "%.*s", (int)n, at);
		if (n > 0 && n < sizeof(word) && inet_pton(AF_INET, word, &v4) == 1)
			ret = dp_list_add(vips, lb_ip_from_v4(v4));
		else if (n > 0 && n < sizeof(word) && inet_pton(AF_INET6, word, &ip) == 1)
			ret = dp_list_add(vips, ip);
		at += n + (at[n] != '\0');
	}
	return ret;
}

int dp_guard_read(const char *instance, dp_ip_list *vips)
{
	char table[sizeof("anabranch_") + LB_INSTANCE_LEN], command[96];
	struct nft_ctx *nft = context();
	int ret = 0;

	if (nft == NULL)
		return -ENOMEM;
	table_name(table, sizeof(table), instance);
	for (int i = 0; i < 2 && ret == 0; i++) {
		snprintf(command, sizeof(command), "list set inet %s %s", table, sets[i].name);
		ret = nft_run_cmd_from_buffer(nft, command) == 0
		              ? collect(nft_ctx_get_output_buffer(nft), vips)
		              : -ENOENT;
	}
	nft_ctx_free(nft);
	return ret;
}
