/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A model that is changed as the daemon changes it: by method name and JSON parameters, with a
 * store that holds the rows of every change.
 *
 * Parameters are written with ' for ", and may be a format: rpc_ok(rig, "DeleteListener",
 * "{'ListenerArn': '%s'}", arn).
 */
#ifndef RPC_FIXTURE_H
#define RPC_FIXTURE_H

#include "model/change.h"
#include "rpc/rpc.h"

struct rpc_row; /* of the store */

struct rpc_rig {
	struct cp_model *model;
	struct rpc_row *rows;
	struct cp_error error; /* of the last call */
	uint64_t now_ms;       /* Unix time at which changes are asked for */
};

/* Zones "a", "b" and "c". Subnets, with the free addresses that load balancers get:
 *   front-a  zone a  10.90.0.0/24 (.10-.12)  fd90::/64 (::10-::12)  alloc-a4, alloc-a6
 *   front-b  zone b  10.90.1.0/24 (.10-.12)  fd91::/64 (::10-::12)
 *   front-c  zone c  10.90.2.0/24 (.10-.12)
 *   inside   zone a  10.91.0.0/24 (.10-.12)  internal
 *   back-a   zone a  10.1.0.0/16, fd01::/64
 *   back-b   zone b  10.2.0.0/16, fd02::/64
 *   back-ab  zone b  10.1.5.0/24, inside back-a's prefix
 * alloc-a4 is 10.90.0.200, alloc-a6 fd90::200. */
void rpc_rig_make(struct rpc_rig *rig, uint32_t max_targets, uint32_t max_listeners);
void rpc_rig_free(struct rpc_rig *rig);

/* For cmocka: a rig of 64 targets and 16 listeners. */
int rpc_setup(void **state);
int rpc_teardown(void **state);

/* The model that a restart makes of the stored rows; fails the test if a row is refused. */
struct cp_model *rpc_reload(const struct rpc_rig *rig);

/* All that a model says to the outside, and its slots and epochs. A new reference. */
json_t *rpc_dump(const struct cp_model *model);

/* Calls a method. 0, or -EINVAL with rig->error; a call that changed the model must have raised the
 * revision by one and left rows, one that didn't must have left neither. '*result' is a new
 * reference, or NULL. */
int rpc_call(struct rpc_rig *rig, const char *method, const json_t *params, json_t **result);

/* Calls a method that must succeed; the result is a new reference. */
json_t *rpc_result_(struct rpc_rig *rig, const char *file, int line, const char *method,
        const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Calls a method that must be refused with this code and change nothing at all. */
void rpc_refused_(struct rpc_rig *rig, const char *file, int line, const char *code,
        const char *method, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* Calls a method that must succeed and change nothing: neither model, nor revision, nor store. */
void rpc_same_(struct rpc_rig *rig, const char *file, int line, const char *method,
        const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Two models that must be the same to the outside, and in slots and epochs. */
void rpc_equal_(const struct cp_model *a, const struct cp_model *b, const char *file, int line);

#define rpc_result(rig, ...)        rpc_result_(rig, __FILE__, __LINE__, __VA_ARGS__)
#define rpc_ok(rig, ...)            json_decref(rpc_result_(rig, __FILE__, __LINE__, __VA_ARGS__))
#define rpc_refused(rig, code, ...) rpc_refused_(rig, __FILE__, __LINE__, code, __VA_ARGS__)
#define rpc_same(rig, ...)          rpc_same_(rig, __FILE__, __LINE__, __VA_ARGS__)
#define rpc_equal(a, b)             rpc_equal_(a, b, __FILE__, __LINE__)

/* The attribute's value in the answer of Describe...Attributes; NULL: it isn't there. Borrowed. */
const char *rpc_attribute(const json_t *result, const char *key);

#endif
