/* SPDX-License-Identifier: BSD-3-Clause
 *
 * TCP health check: passed when the connection is established, and then closed.
 *
 * Closed with an ordinary FIN: a reset would save the TIME_WAIT entry on this host, but it reaches
 * many servers as an error that they log at each check. Ports do not run out by it: one target
 * takes one of them a check, and the kernel shares a port among targets.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "probe.h"

struct tcp_probe {
	uv_poll_t poll;
	int fd;
	int error; /* of connect() when it failed at once */
	void (*done)(void *arg, const struct cp_probe_result *result);
	void *arg;
};

static int tcp_connect(int fd, const struct lb_ip *ip, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	if (lb_ip_is_v4(ip)) {
		v4.sin_addr.s_addr = lb_ip_v4(ip);
		return connect(fd, (struct sockaddr *)&v4, sizeof(v4)) == 0 ? 0 : errno;
	}
	memcpy(&v6.sin6_addr, ip->bytes, sizeof(v6.sin6_addr));
	return connect(fd, (struct sockaddr *)&v6, sizeof(v6)) == 0 ? 0 : errno;
}

static void tcp_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void tcp_cancel(void *arg)
{
	struct tcp_probe *probe = arg;

	uv_poll_stop(&probe->poll);
	close(probe->fd);
	uv_close((uv_handle_t *)&probe->poll, tcp_closed);
}

static struct cp_probe_result tcp_judge(const struct tcp_probe *probe)
{
	struct cp_probe_result result = {.outcome = CP_PROBE_PASSED};
	int error = probe->error;
	socklen_t len = sizeof(error);

	if (error == 0 && getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error == 0)
		return result;
	if (cp_probe_is_shortage(error))
		result.outcome = CP_PROBE_NOT_TRIED;
	else
		result.outcome = error == ETIMEDOUT ? CP_PROBE_TIMED_OUT : CP_PROBE_FAILED;
	snprintf(result.detail, sizeof(result.detail), "%s", strerror(error));
	return result;
}

static void tcp_ready(uv_poll_t *poll, int status, int events)
{
	struct tcp_probe *probe = poll->data;
	const struct cp_probe_result result = tcp_judge(probe);
	void (*done)(void *, const struct cp_probe_result *) = probe->done;
	void *arg = probe->arg;

	tcp_cancel(probe);
	done(arg, &result);
}

static void *tcp_start(struct cp_health *health, const struct cp_health_settings *settings,
        const struct lb_ip *ip, uint16_t port,
        void (*done)(void *arg, const struct cp_probe_result *result), void *arg)
{
	struct tcp_probe *probe = calloc(1, sizeof(*probe));

	if (probe == NULL)
		return NULL;
	probe->done = done;
	probe->arg = arg;
	probe->fd = cp_probe_socket(ip);
	if (probe->fd < 0)
		goto no_socket;
	probe->error = tcp_connect(probe->fd, ip, port);
	if (probe->error == EINPROGRESS)
		probe->error = 0;
	if (cp_probe_is_shortage(probe->error))
		goto no_poll;
	if (uv_poll_init(health->loop, &probe->poll, probe->fd) != 0)
		goto no_poll;
	probe->poll.data = probe;
	/* A socket whose connect() failed at once polls as writable too: one way for all. */
	uv_poll_start(&probe->poll, UV_WRITABLE, tcp_ready);
	return probe;

no_poll:
	close(probe->fd);
no_socket:
	free(probe);
	return NULL;
}

const struct cp_probe_ops cp_probe_tcp = {
        .name = "TCP",
        .start = tcp_start,
        .cancel = tcp_cancel,
};
