/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The configuration as objects: zones and subnets (from the daemon's file), load balancers,
 * listeners, target groups, targets. Pure: no time, no randomness, no input or output of its own,
 * so that the same changes in the same order make the same model, in every process and on every
 * node.
 *
 * The daemon keeps two models. A change is tried on 'working', which all validation sees; when it
 * is durable, the same change is made on 'live', which builds tables, is health-checked and is
 * described to readers. Run-time state (health, see 'struct cp_target') exists in 'live' alone and
 * never decides how a change comes out.
 *
 * Ownership: a model owns all its objects; pointers into it live until the next change.
 * Containers are uthash's, in order of insertion.
 */
#ifndef CP_MODEL_H
#define CP_MODEL_H

#include <jansson.h>
#include <uthash.h>

#include "lb/table.h"

#define CP_NAME_LEN        33 /* 32 characters */
#define CP_ARN_LEN         192
#define CP_PATH_LEN        1025
#define CP_ZONE_LEN        64
#define CP_MAX_ZONES       16
#define CP_ZONE_ALL        UINT16_MAX /* of a target given "all": the addresses of every zone use it */
#define CP_DEFAULT_CLUSTER "anabranch"

/* One attribute key as ELBv2 defines it; the tables are in attributes.c. Values are always strings.
 */
struct cp_attribute {
	char *key, *value;
	UT_hash_handle hh; /* by key; only what differs from the default is held */
};

/* The addresses of one family in a subnet. */
struct cp_range {
	bool present;
	struct lb_ip prefix;
	uint8_t prefix_len;       /* in the family's own bits: 0..32 or 0..128 */
	bool has_free;            /* false: load balancers name their addresses here themselves */
	struct lb_ip first, last; /* the free range, inclusive */
	struct lb_ip lowest;      /* no address of the free range below this is free */
};

/* A static address, reserved for the load balancer that asks for it by its AllocationId. */
struct cp_static_address {
	char allocation_id[64];
	struct lb_ip ip;
};

/* An entry of the configuration's zones[].subnets[]: an IPv4 prefix, an IPv6 prefix, or one of
 * each. */
struct cp_subnet {
	char id[64];
	char zone_name[CP_ZONE_LEN];
	uint16_t zone; /* number in the model's zone_names[] */
	struct cp_range v4, v6;
	char interface[LB_IFNAME_LEN];
	bool internal; /* scheme */
	struct cp_static_address *addresses;
	size_t nb_addresses;
	UT_hash_handle hh; /* by id */
};

/* Where a load balancer stands in one zone. */
struct cp_lb_zone {
	uint16_t zone;
	char zone_name[CP_ZONE_LEN];
	char subnet_id[64];
	char interface[LB_IFNAME_LEN];
	bool has_v4, has_v6;
	struct lb_ip v4, v6;
	char allocation_id[64]; /* empty: none */
};

/* What listens on one port of a load balancer: [family][wire protocol]. */
struct cp_lb_port {
	uint16_t port;
	struct cp_listener *at[2][2]; /* [is_v6][0: TCP, 1: UDP] */
	UT_hash_handle hh;
};

struct cp_load_balancer {
	char name[CP_NAME_LEN];
	char arn[CP_ARN_LEN];
	uint64_t id; /* the hexadecimal number in the ARN */
	char vpc_id[64];
	bool internal, dualstack;
	uint64_t created_ms;
	struct cp_lb_zone zones[CP_MAX_ZONES];
	size_t nb_zones;
	struct cp_attribute *attributes;
	struct cp_lb_port *ports;
	struct cp_listener *listeners; /* utlist's, by 'prev' and 'next' */
	UT_hash_handle hh;             /* by name */
	UT_hash_handle hh_arn;
};

enum cp_protocol { CP_TCP = 1, CP_UDP = 2, CP_TCP_UDP = 3 }; /* bits: which wire protocols */

enum cp_probe { CP_PROBE_TCP, CP_PROBE_HTTP, CP_PROBE_HTTPS };

struct cp_health_settings {
	enum cp_probe probe;
	uint16_t port; /* 0: traffic-port */
	char path[CP_PATH_LEN];
	uint16_t interval_s, timeout_s; /* as set: HealthCheckIntervalSeconds, ...TimeoutSeconds */
	uint32_t interval_ms; /* in force: anabranch.health_check.interval_ms, or 'interval_s' */
	uint32_t timeout_ms;  /* in force: 'timeout_s', but never longer than the interval */
	uint8_t healthy_threshold, unhealthy_threshold;
	char matcher[128]; /* as given: "200", "200,202", "200-399"; see matcher.h */
	bool enabled;      /* always, for targets that are addresses */
};

/* Numbered as in lb_target.reason; texts in target.c. */
enum cp_reason {
	CP_REASON_NONE,
	CP_REASON_REGISTRATION_IN_PROGRESS,
	CP_REASON_INITIAL_HEALTH_CHECKING,
	CP_REASON_RESPONSE_CODE_MISMATCH,
	CP_REASON_TIMEOUT,
	CP_REASON_FAILED_HEALTH_CHECKS,
	CP_REASON_NOT_REGISTERED,
	CP_REASON_NOT_IN_USE,
	CP_REASON_DEREGISTRATION_IN_PROGRESS,
	CP_REASON_INVALID_STATE,
	CP_REASON_IP_UNUSABLE,
	CP_REASON_INTERNAL_ERROR,
};

/* Run-time state; in 'live' alone. Stepped by health_state.c, never by a change. */
struct cp_target_health {
	enum lb_target_state
	        state; /* INITIAL, HEALTHY, UNHEALTHY; others follow from the configuration */
	enum cp_reason reason;
	char detail[96]; /* for the description: "Health checks failed with these codes: [404]" */
	uint8_t passed, failed; /* in a row, saturating */
	bool ever_passed;
	uint64_t changed_ms; /* Unix time of the last change of state */
};

struct cp_target {
	struct cp_target_group *group;
	char key[64]; /* "10.0.1.11:80", "[fd00::11]:80": unique within the group */
	struct lb_ip ip;
	uint16_t port;               /* host order */
	uint16_t zone;               /* or CP_ZONE_ALL */
	char zone_name[CP_ZONE_LEN]; /* AvailabilityZone, "all" when given so */
	uint16_t weight;             /* anabranch.Weight, 0..999, default 1 */
	uint32_t slot;               /* for life, draining included */
	uint32_t epoch;              /* of the slot, see lb/table.h */
	uint64_t identity;
	bool draining;          /* deregistered; keeps its flows */
	uint64_t drain_from_ms; /* Unix time */
	uint64_t drain_deadline_ms;
	struct cp_target_health health;
	UT_hash_handle hh; /* by key, in its group */
};

struct cp_target_group {
	char name[CP_NAME_LEN];
	char arn[CP_ARN_LEN];
	uint64_t id;
	char vpc_id[64];
	enum cp_protocol protocol;
	uint16_t port;
	bool is_v6;
	uint64_t created_ms;
	struct cp_health_settings check;
	struct cp_attribute *attributes;
	char interval_text[16];      /* value of anabranch.health_check.interval_ms */
	struct cp_target *targets;   /* draining ones included */
	uint32_t nb_registered;      /* draining ones not */
	struct cp_load_balancer *lb; /* whose listeners forward to it; NULL: none do */
	uint32_t nb_listeners;       /* that forward to it */
	UT_hash_handle hh;           /* by name */
	UT_hash_handle hh_arn;
};

/* Client addresses are preserved, so a packet's family never changes on its way: the family of a
 * listener's target group decides at which of the load balancer's addresses the listener is served.
 * A dualstack load balancer that serves both has two listeners on one port. */
struct cp_listener {
	char arn[CP_ARN_LEN];
	uint64_t id;
	uint32_t slot; /* listener id of the counters */
	struct cp_load_balancer *lb;
	enum cp_protocol protocol;
	uint16_t port;
	struct cp_target_group *group; /* of the default action */
	uint64_t created_ms;
	struct cp_attribute *attributes;
	struct cp_listener *prev, *next; /* of its load balancer */
	UT_hash_handle hh;               /* by arn */
};

/* What a change touched, in order; what the store writes. */
struct cp_journal_entry {
	enum cp_kind {
		CP_KIND_LB,
		CP_KIND_TG,
		CP_KIND_TARGET,
		CP_KIND_LISTENER,
		CP_KIND_META
	} kind;
	char id[CP_ARN_LEN + 72]; /* ARN; of a target "<group ARN> <key>" */
	json_t *row;              /* the object whole; NULL: deleted */
	struct cp_journal_entry *next;
};

/* An address of a load balancer. */
struct cp_vip {
	struct lb_ip ip;
	struct cp_load_balancer *lb;
	UT_hash_handle hh;
};

struct cp_model {
	char cluster[64];
	char zone_names[CP_MAX_ZONES][CP_ZONE_LEN];
	uint32_t nb_zones;
	struct cp_subnet *subnets;
	struct cp_vip *vips;
	struct cp_load_balancer *lbs, *lbs_by_arn;
	struct cp_target_group *groups, *groups_by_arn;
	struct cp_listener *listeners;
	uint64_t revision;    /* counts changes */
	uint64_t incarnation; /* counts deletions of named objects: part of an id's hash, so that
	                         what is made anew under an old name has another ARN */
	/* slots: owner[slot] and the epoch that its next owner gets. Grown as needed. */
	struct cp_target **slot_owner;
	uint32_t *slot_epoch;
	uint32_t nb_slots, max_slots; /* places in both arrays; what the instance has */
	uint32_t nb_used_slots;
	uint32_t lowest_slot;     /* no slot below is free */
	uint32_t *listener_slots; /* bitmap */
	uint32_t max_listener_slots;
	uint32_t nb_rows; /* of all listeners in the tables, see cp_listener_rows() */
	struct cp_journal_entry *journal, **journal_tail;
};

struct cp_model_limits {
	uint32_t max_targets, max_listeners;
};

/* An empty model; zones and subnets are added by config.c before the first row and the first
 * change. 'cluster' NULL or empty: CP_DEFAULT_CLUSTER; otherwise it is cut at 63 characters. */
struct cp_model *cp_model_create(const char *cluster, const struct cp_model_limits *limits);

/* Both: 0, or -EINVAL with what is wrong and what would be right in 'why'. */
int cp_model_add_zone(struct cp_model *model, const char *name, char *why, size_t why_len);
/* Copies 'subnet': the caller fills in 'id', 'zone_name' (added before), 'v4' and 'v6' where
 * 'present' (prefix, prefix_len; has_free, first and last), 'interface', 'internal' and
 * 'addresses'. The rest is worked out here. */
int cp_model_add_subnet(
        struct cp_model *model, const struct cp_subnet *subnet, char *why, size_t why_len);

void cp_model_free(struct cp_model *model);

/* Takes the journal out of the model; the caller frees it. */
struct cp_journal_entry *cp_model_take_journal(struct cp_model *model);
void cp_journal_free(struct cp_journal_entry *journal);

/* Puts one stored row back, in the order of enum cp_kind (groups before listeners, and so on).
 * 0 or -EINVAL with 'why' filled in: a row is hostile input too. */
int cp_model_load_row(struct cp_model *model, enum cp_kind kind, const char *id, const json_t *row,
        char *why, size_t why_len);

/* What a target's state is to the world, from configuration, health and use (ELBV2.md section 4).
 */
void cp_target_shown_state(
        const struct cp_target *target, enum lb_target_state *state, enum cp_reason *reason);

/* "healthy"; "Target.NotInUse", "" for none; "Health checks failed", "" for none. The state is one
 * that a target can have. */
const char *cp_target_state_text(enum lb_target_state state);
const char *cp_reason_code(enum cp_reason reason);
const char *cp_reason_text(enum cp_reason reason);

/* Puts a target on the slot and into the epoch that a running generation has for it; whoever had
 * that slot gets the target's. 0 or -ERANGE: the instance has no such slot. */
int cp_target_adopt_slot(
        struct cp_model *model, struct cp_target *target, uint32_t slot, uint32_t epoch);

/* Attribute values with the default filled in; keys are known to exist. */
const char *cp_lb_attribute(const struct cp_load_balancer *lb, const char *key);
const char *cp_group_attribute(const struct cp_target_group *group, const char *key);
const char *cp_listener_attribute(const struct cp_listener *listener, const char *key);

/* Whether the targets of all zones serve each of this listener's addresses. */
bool cp_listener_cross_zone(const struct cp_listener *listener);

/* The load balancer's address in zones[i] at which the listener is served; NULL: none there. */
const struct lb_ip *cp_listener_vip(const struct cp_listener *listener, size_t i);

/* Same text in both directions: "10.0.0.1", "fd00::1". */
int cp_ip_parse(const char *text, struct lb_ip *ip);
void cp_ip_format(const struct lb_ip *ip, char *text, size_t len); /* len >= INET6_ADDRSTRLEN */

#endif
