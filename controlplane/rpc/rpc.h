/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One table of methods. A handler file per noun: rpc/load_balancer.c, target_group.c, target.c,
 * listener.c, status.c. Readers look at 'live'; changes are pure functions over a model, run twice:
 * on 'working' when they are asked for, on 'live' when they are durable (model/model.h).
 */
#ifndef CP_RPC_H
#define CP_RPC_H

#include "lb/rpc.h"
#include "model/model.h"

struct cp_error {
	int rpc;       /* enum lb_rpc_error */
	char code[48]; /* ELBv2's: data.Code; with LB_RPC_ELB */
	char message[512];
};

/* Fills in an ELBv2 error and returns -EINVAL, to be returned at once. */
int cp_fail(struct cp_error *error, const char *code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* What a change may know besides the model and its parameters. The same for both runs. */
struct cp_change_context {
	uint64_t now_ms; /* Unix time at which it was asked for */
};

/* All or nothing: a handler that fails has changed nothing. '*result' is a new reference. */
typedef int (*cp_change_fn)(struct cp_model *model, const struct cp_change_context *context,
        const json_t *params, json_t **result, struct cp_error *error);

struct cp_daemon; /* main.c's: what readers of run-time facts (Status) need */
typedef int (*cp_read_fn)(const struct cp_model *live, struct cp_daemon *daemon,
        const json_t *params, json_t **result, struct cp_error *error);

struct cp_method {
	const char *name;
	cp_change_fn change; /* exactly one of the two */
	cp_read_fn read;
};

const struct cp_method *cp_method_find(const char *name); /* NULL: unknown */

#define X(method, right) CP_METHOD_##right(method)
#define CP_METHOD_CHANGE(method)                                                             \
	int cp_rpc_##method(struct cp_model *model, const struct cp_change_context *context, \
	        const json_t *params, json_t **result, struct cp_error *error);
#define CP_METHOD_READ(method)                                                     \
	int cp_rpc_##method(const struct cp_model *live, struct cp_daemon *daemon, \
	        const json_t *params, json_t **result, struct cp_error *error);
LB_RPC_METHODS(X)
#undef X

/* A change of the daemon's own, not callable from outside: a target that drains, and whose deadline
 * has passed, gives its slot back. What flows it still has end with that, since the slot's next
 * epoch is another. {"TargetGroupArn", "Target"}, and for the audit trail "Epoch" and "Terminate":
 * flows were left. */
int cp_change_target_drained(struct cp_model *model, const struct cp_change_context *context,
        const json_t *params, json_t **result, struct cp_error *error);

#endif
