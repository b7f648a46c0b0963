/* SPDX-License-Identifier: BSD-3-Clause
 *
 * libcurl's transfers on the event loop: its sockets become poll handles, its timer one of ours.
 */
#ifndef CP_HEALTH_HTTP_LOOP_H
#define CP_HEALTH_HTTP_LOOP_H

#include <curl/curl.h>
#include <uv.h>

struct cp_http;

struct cp_http_transfer {
	CURL *easy; /* the caller's; its CURLOPT_PRIVATE is taken */
	void (*finished)(void *arg, CURLcode code);
	void *arg;
};

/* NULL without memory. libcurl writes to sockets whose peer may be gone: the process is to ignore
 * SIGPIPE. */
struct cp_http *cp_http_create(uv_loop_t *loop);
/* No transfer may be left. */
void cp_http_free(struct cp_http *http);

/* Starts a transfer, borrowed until it is finished or removed. 'finished' is called once on the
 * loop, never from within this call. 0 or -ENOMEM. */
int cp_http_add(struct cp_http *http, struct cp_http_transfer *transfer);

/* Stops a transfer; 'finished' is not called any more. */
void cp_http_remove(struct cp_http *http, struct cp_http_transfer *transfer);

#endif
