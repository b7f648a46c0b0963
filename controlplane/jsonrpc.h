/* SPDX-License-Identifier: BSD-3-Clause
 *
 * JSON-RPC 2.0, pure: a line in, a request or an error out; a result or an error in, a line out.
 */
#ifndef CP_JSONRPC_H
#define CP_JSONRPC_H

#include "rpc/rpc.h"

struct cp_request {
	json_t *root;       /* owns what the others point to */
	const json_t *id;   /* NULL: a notification, which gets no reply */
	const char *method; /* any text */
	json_t *params;     /* an object, never NULL; owned */
};

/* Fills in a JSON-RPC error ('rpc' of enum lb_rpc_error) and returns -EINVAL. */
int cp_jsonrpc_fail(struct cp_error *error, enum lb_rpc_error rpc, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* 'line' is without its newline and may hold any bytes. 0, or -EINVAL with 'error' filled in; then
 * 'request' may still know the id that the reply should carry. To be cleared in both cases. */
int cp_jsonrpc_parse(
        const char *line, size_t len, struct cp_request *request, struct cp_error *error);
void cp_request_clear(struct cp_request *request);

/* The reply as a line with its newline, to be freed; '*len' is its length. NULL: no memory. A
 * result that would make the line longer than LB_RPC_MAX_LINE becomes an error that says so. 'id'
 * NULL: null, as for a request that could not be read. */
char *cp_jsonrpc_result(const json_t *id, const json_t *result, size_t *len);
char *cp_jsonrpc_error(const json_t *id, const struct cp_error *error, size_t *len);

#endif
