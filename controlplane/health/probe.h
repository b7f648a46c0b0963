/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the files of this directory share: the schedule's state, and sockets for probes.
 */
#ifndef CP_HEALTH_PROBE_H
#define CP_HEALTH_PROBE_H

#include <errno.h>
#include <sys/socket.h>

#include "health.h"

struct cp_http; /* the transfers of all HTTP(S) probes: http_loop.h */

struct cp_health {
	uv_loop_t *loop;
	struct cp_model *live;
	void (*on_verdict)(void *arg, struct cp_target *target);
	void *arg;
	struct cp_check *checks; /* uthash by the target's identity */
	uint64_t round;          /* counts refreshes */
	bool stale;              /* 'live' changed: no target pointer is good before a refresh */
	uv_timer_t refresh;
	uint64_t ramp_us;        /* when the next new target is probed first, of uv_now() */
	uint32_t most_in_flight; /* descriptors that probes may hold at once */
	struct cp_http *http;
	struct cp_health_status status;
};

/* Whether 'error' of socket() or connect() speaks of this host's resources, not of the target. */
static inline bool cp_probe_is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
	       error == EADDRNOTAVAIL || error == EAGAIN;
}

/* A non-blocking TCP socket of the family of 'ip', or -1 with errno set. */
static inline int cp_probe_socket(const struct lb_ip *ip)
{
	return socket(lb_ip_is_v4(ip) ? AF_INET : AF_INET6,
	        SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

#endif
