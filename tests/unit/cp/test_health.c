/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Health checks over real sockets on the loopback: each kind of server, each way to stop a check,
 * thousands of targets. Intervals are short so that verdicts come soon; nothing here passes because
 * enough time went by.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "health/health.h"
#include "http_server.h"

#define PATIENCE_MS 10000

struct rig {
	uv_loop_t loop;
	struct cp_model live;
	struct cp_load_balancer lb; /* that uses the group */
	struct cp_target_group group;
	struct cp_health *health;
	unsigned verdicts;
	struct cp_target *last;
	uv_timer_t clock;
	bool rang;
};

static struct rig rig;

static void on_verdict(void *arg, struct cp_target *target)
{
	assert_ptr_equal(arg, &rig);
	rig.verdicts++;
	rig.last = target;
}

static void rig_start(enum cp_probe probe)
{
	memset(&rig, 0, sizeof(rig));
	assert_int_equal(uv_loop_init(&rig.loop), 0);
	uv_timer_init(&rig.loop, &rig.clock);
	rig.group.lb = &rig.lb;
	rig.group.check = (struct cp_health_settings){.probe = probe,
	        .path = "/",
	        .interval_ms = 100,
	        .timeout_ms = 2000,
	        .healthy_threshold = 2,
	        .unhealthy_threshold = 2,
	        .matcher = "200-399",
	        .enabled = true};
	strcpy(rig.group.name, "web");
	HASH_ADD_STR(rig.live.groups, name, &rig.group);
}

static void health_start(void)
{
	rig.health = cp_health_create(&rig.loop, &rig.live, on_verdict, &rig);
	assert_non_null(rig.health);
}

static struct cp_target *target_add(const char *v4, uint16_t port)
{
	static uint64_t nb;
	struct cp_target *target = calloc(1, sizeof(*target));
	struct in_addr addr;

	assert_non_null(target);
	assert_int_equal(inet_pton(AF_INET, v4, &addr), 1);
	target->group = &rig.group;
	target->ip = lb_ip_from_v4(addr.s_addr);
	target->port = port;
	target->zone = CP_ZONE_ALL;
	target->identity = lb_mix(++nb);
	target->health.state = LB_TARGET_INITIAL;
	target->health.reason = CP_REASON_REGISTRATION_IN_PROGRESS;
	snprintf(target->key, sizeof(target->key), "%s:%u", v4, port);
	HASH_ADD_STR(rig.group.targets, key, target);
	return target;
}

static void rig_stop(void)
{
	struct cp_target *target, *next;

	cp_health_free(rig.health);
	uv_close((uv_handle_t *)&rig.clock, NULL);
	/* what is left closes by itself: no handle is forgotten */
	for (int turns = 0; uv_run(&rig.loop, UV_RUN_NOWAIT) != 0; turns++)
		assert_true(turns < 1000);
	assert_int_equal(uv_loop_close(&rig.loop), 0);
	HASH_ITER(hh, rig.group.targets, target, next)
	{
		HASH_DEL(rig.group.targets, target);
		free(target);
	}
	HASH_CLEAR(hh, rig.live.groups);
}

static void on_clock(uv_timer_t *timer)
{
	rig.rang = true;
}

static void run_for(unsigned ms)
{
	rig.rang = false;
	uv_update_time(&rig.loop);
	uv_timer_start(&rig.clock, on_clock, ms, 0);
	while (!rig.rang)
		uv_run(&rig.loop, UV_RUN_ONCE);
}

/* Runs the loop until 'condition' holds; fails the test when it doesn't in time. */
#define RUN_UNTIL(condition)                                                               \
	do {                                                                               \
		rig.rang = false;                                                          \
		uv_update_time(&rig.loop);                                                 \
		uv_timer_start(&rig.clock, on_clock, PATIENCE_MS, 0);                      \
		while (!(condition) && !rig.rang)                                          \
			uv_run(&rig.loop, UV_RUN_ONCE);                                    \
		uv_timer_stop(&rig.clock);                                                 \
		if (rig.rang)                                                              \
			fail_msg("never came true in %d ms: %s", PATIENCE_MS, #condition); \
	} while (0)

static struct cp_health_status status(void)
{
	struct cp_health_status now;

	cp_health_status(rig.health, &now);
	return now;
}

static int open_files(void)
{
	int nb = 0;

	for (int fd = 0; fd < 1024; fd++)
		nb += fcntl(fd, F_GETFD) >= 0;
	return nb;
}

/* A port that nobody listens on. */
static uint16_t closed_port(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	socklen_t len = sizeof(any);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	getsockname(fd, (struct sockaddr *)&any, &len);
	close(fd);
	return ntohs(any.sin_port);
}

/* A port where SYNs are dropped: a listener whose queue is full. */
struct blackhole {
	int fds[8];
	uint16_t port;
};

static void blackhole_open(struct blackhole *hole)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	socklen_t len = sizeof(any);

	hole->fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(hole->fds[0], (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(hole->fds[0], 0), 0);
	getsockname(hole->fds[0], (struct sockaddr *)&any, &len);
	hole->port = ntohs(any.sin_port);
	for (int i = 1; i < 8; i++) {
		hole->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(hole->fds[i], (struct sockaddr *)&any, sizeof(any));
	}
}

static void blackhole_close(struct blackhole *hole)
{
	for (int i = 0; i < 8; i++)
		close(hole->fds[i]);
}

static void new_target_is_probed_at_once(void **state)
{
	struct test_server server = {0};
	struct cp_target *target;

	rig_start(CP_PROBE_TCP);
	rig.group.check.interval_ms = 300000;
	test_server_start(&rig.loop, &server);
	target = target_add("127.0.0.1", server.port);
	health_start();
	RUN_UNTIL(target->health.state == LB_TARGET_HEALTHY);
	assert_int_equal(rig.verdicts, 1);
	assert_ptr_equal(rig.last, target);
	test_server_stop(&server);
	rig_stop();
}

static void tcp_check_ends_its_connection_without_a_reset(void **state)
{
	struct test_server server = {0};

	rig_start(CP_PROBE_TCP);
	test_server_start(&rig.loop, &server);
	target_add("127.0.0.1", server.port);
	health_start();
	RUN_UNTIL(server.ended_by_client >= 5);
	assert_int_equal(server.resets, 0);
	test_server_stop(&server);
	rig_stop();
}

static void refused_connection_is_a_failed_check(void **state)
{
	for (enum cp_probe probe = CP_PROBE_TCP; probe <= CP_PROBE_HTTPS; probe++) {
		struct cp_target *target;

		rig_start(probe);
		target = target_add("127.0.0.1", closed_port());
		health_start();
		RUN_UNTIL(target->health.state == LB_TARGET_UNHEALTHY);
		assert_int_equal(target->health.reason, CP_REASON_FAILED_HEALTH_CHECKS);
		assert_string_equal(target->health.detail, "Health checks failed");
		assert_int_equal(status().failures, 2);
		rig_stop();
	}
}

static void silent_host_times_out(void **state)
{
	for (enum cp_probe probe = CP_PROBE_TCP; probe <= CP_PROBE_HTTPS; probe++) {
		struct blackhole hole;
		struct cp_target *target;

		rig_start(probe);
		rig.group.check.timeout_ms = 100;
		blackhole_open(&hole);
		target = target_add("127.0.0.1", hole.port);
		health_start();
		RUN_UNTIL(target->health.state == LB_TARGET_UNHEALTHY);
		assert_int_equal(target->health.reason, CP_REASON_TIMEOUT);
		assert_string_equal(target->health.detail, "Request timed out");
		rig_stop();
		blackhole_close(&hole);
	}
}

static void slow_http_server_times_out(void **state)
{
	static const char *const replies[] = {NULL, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"};

	for (size_t i = 0; i < 2; i++) {
		struct test_server server = {.reply = replies[i], .forever = ""};
		struct cp_target *target;

		rig_start(CP_PROBE_HTTP);
		rig.group.check.timeout_ms = 100;
		if (replies[i] != NULL)
			server.forever = "X-Slow: 1\r\n";
		test_server_start(&rig.loop, &server);
		target = target_add("127.0.0.1", server.port);
		health_start();
		if (replies[i] != NULL) /* endless headers: a bound, not the clock, may end them */
			RUN_UNTIL(target->health.reason == CP_REASON_FAILED_HEALTH_CHECKS);
		else
			RUN_UNTIL(target->health.reason == CP_REASON_TIMEOUT);
		assert_int_equal(target->health.state, LB_TARGET_UNHEALTHY);
		test_server_stop(&server);
		rig_stop();
	}
}

static void dead_target_falls_and_returns(void **state)
{
	struct test_server server = {0};
	struct cp_target *target;

	rig_start(CP_PROBE_TCP);
	test_server_start(&rig.loop, &server);
	target = target_add("127.0.0.1", server.port);
	health_start();
	RUN_UNTIL(target->health.state == LB_TARGET_HEALTHY);
	test_server_stop(&server);
	RUN_UNTIL(target->health.state == LB_TARGET_UNHEALTHY);
	uv_run(&rig.loop, UV_RUN_NOWAIT);
	test_server_start(&rig.loop, &server);
	RUN_UNTIL(target->health.state == LB_TARGET_HEALTHY);
	assert_int_equal(target->health.passed, 2);
	test_server_stop(&server);
	rig_stop();
}

static void http_request_is_as_documented(void **state)
{
	struct test_server server = {.reply = "HTTP/1.1 204 No Content\r\n\r\n"};
	struct cp_target *target;
	char expected[512];

	rig_start(CP_PROBE_HTTP);
	strcpy(rig.group.check.path, "/health/../x y?a=%20#b\r\nEvil: 1");
	test_server_start(&rig.loop, &server);
	target = target_add("127.0.0.1", server.port);
	health_start();
	RUN_UNTIL(target->health.state == LB_TARGET_HEALTHY);
	snprintf(expected, sizeof(expected),
	        "GET /health/../x%%20y?a=%%20#b%%0D%%0AEvil:%%201 HTTP/1.1\r\n"
	        "Host: 127.0.0.1:%u\r\nUser-Agent: anabranch-health-check/" LB_VERSION
	        "\r\nAccept: */*\r\nConnection: close\r\n\r\n",
	        server.port);
	assert_string_equal(server.request, expected);
	RUN_UNTIL(server.requests >= 3);
	assert_true(server.connections >= server.requests); /* none is used twice */
	test_server_stop(&server);
	rig_stop();
}

static void http_code_is_judged_by_the_matcher(void **state)
{
	static const struct {
		const char *reply, *matcher, *detail;
		enum lb_target_state state;
	} cases[] = {
	        {"HTTP/1.1 200 OK\r\n\r\n", "200", "", LB_TARGET_HEALTHY},
	        {"HTTP/1.0 200 OK\r\n\r\nhello", "200", "", LB_TARGET_HEALTHY},
	        {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "200-399",
	                "Health checks failed with these codes: [404]", LB_TARGET_UNHEALTHY},
	        {"HTTP/1.1 404 Not Found\r\n\r\n", "200,404", "", LB_TARGET_HEALTHY},
	        {"HTTP/1.1 503 Busy\r\n\r\n", "200-499",
	                "Health checks failed with these codes: [503]", LB_TARGET_UNHEALTHY},
	        {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "302", "",
	                LB_TARGET_HEALTHY},
	        {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "200",
	                "Health checks failed with these codes: [302]", LB_TARGET_UNHEALTHY},
	        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "200", "",
	                LB_TARGET_HEALTHY},
	        {"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\ncut short", "200", "",
	                LB_TARGET_HEALTHY},
	        {"SSH-2.0-OpenSSH_9.2\r\n", "200-599", "Health checks failed", LB_TARGET_UNHEALTHY},
	        {"HTTP/1.1 200 OK\r\nX-Cut: sho", "200", "Health checks failed",
	                LB_TARGET_UNHEALTHY},
	        {"", "200", "Health checks failed", LB_TARGET_UNHEALTHY},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_server server = {.reply = cases[i].reply};
		struct cp_target *target;

		rig_start(CP_PROBE_HTTP);
		strcpy(rig.group.check.matcher, cases[i].matcher);
		test_server_start(&rig.loop, &server);
		target = target_add("127.0.0.1", server.port);
		health_start();
		RUN_UNTIL(target->health.state != LB_TARGET_INITIAL);
		if (target->health.state != cases[i].state ||
		        strcmp(target->health.detail, cases[i].detail) != 0)
			fail_msg("case %zu: state %d, '%s'", i, target->health.state,
			        target->health.detail);
		test_server_stop(&server);
		rig_stop();
	}
}

static void endless_body_does_not_hold_a_check(void **state)
{
	struct test_server server = {
	        .reply = "HTTP/1.1 200 OK\r\n\r\n", .forever = "0123456789abcdef0123456789abcdef"};
	struct cp_target *target;

	rig_start(CP_PROBE_HTTP);
	rig.group.check.timeout_ms = 2 * PATIENCE_MS;
	test_server_start(&rig.loop, &server);
	target = target_add("127.0.0.1", server.port);
	health_start();
	RUN_UNTIL(target->health.state == LB_TARGET_HEALTHY);
	test_server_stop(&server);
	rig_stop();
}

/* openssl s_server with a key of its own; its process id. */
static pid_t tls_server_start(const char *dir, uint16_t port)
{
	char command[1024];
	pid_t pid;

	snprintf(command, sizeof(command),
	        "cd %s && openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem"
	        " -days 2 -subj /CN=somebody-else >/dev/null 2>&1",
	        dir);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "127.0.0.1:%u", port);
	pid = fork();
	if (pid == 0) {
		if (chdir(dir) == 0)
			execlp("openssl", "openssl", "s_server", "-accept", command, "-cert",
			        "cert.pem", "-key", "key.pem", "-www", "-quiet", (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void https_check_passes_with_a_certificate_of_its_own(void **state)
{
	char dir[] = "/tmp/anabranch-test-health-XXXXXX", command[64];
	const uint16_t port = closed_port();
	struct cp_target *target;
	pid_t pid;

	assert_non_null(mkdtemp(dir));
	pid = tls_server_start(dir, port);
	assert_true(pid > 0);
	rig_start(CP_PROBE_HTTPS);
	strcpy(rig.group.check.matcher, "200");
	target = target_add("127.0.0.1", port);
	health_start();
	RUN_UNTIL(target->health.state == LB_TARGET_HEALTHY);
	rig_stop();
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

static void https_check_of_a_plain_server_fails(void **state)
{
	struct test_server server = {.reply = "HTTP/1.1 200 OK\r\n\r\n"};
	struct cp_target *target;

	rig_start(CP_PROBE_HTTPS);
	rig.group.check.timeout_ms = 200;
	test_server_start(&rig.loop, &server);
	target = target_add("127.0.0.1", server.port);
	health_start();
	RUN_UNTIL(target->health.state == LB_TARGET_UNHEALTHY);
	assert_int_equal(server.requests, 0);
	test_server_stop(&server);
	rig_stop();
}

static void fixed_health_port_is_used_instead_of_the_targets(void **state)
{
	struct test_server server = {0};
	struct cp_target *target;

	rig_start(CP_PROBE_TCP);
	test_server_start(&rig.loop, &server);
	rig.group.check.port = server.port;
	target = target_add("127.0.0.1", closed_port());
	health_start();
	RUN_UNTIL(target->health.state == LB_TARGET_HEALTHY);
	test_server_stop(&server);
	rig_stop();
}

static void draining_target_is_not_checked_any_more(void **state)
{
	struct blackhole hole;
	struct cp_target *target;
	int files;

	rig_start(CP_PROBE_HTTP);
	blackhole_open(&hole);
	target = target_add("127.0.0.1", hole.port);
	health_start();
	files = open_files();
	RUN_UNTIL(status().in_flight == 1);
	target->draining = true;
	cp_health_sync(rig.health);
	RUN_UNTIL(status().targets == 0);
	assert_int_equal(status().in_flight, 0);
	assert_int_equal(open_files(), files);
	run_for(300);
	assert_int_equal(status().probes, 0);
	assert_int_equal(target->health.state, LB_TARGET_INITIAL);
	rig_stop();
	blackhole_close(&hole);
}

/* The model frees a target; its probe answers before the change has been looked at. */
static void removed_target_is_not_touched_by_a_late_answer(void **state)
{
	struct test_server server = {.reply = "HTTP/1.1 200 OK\r\n\r\n"};

	for (enum cp_probe probe = CP_PROBE_TCP; probe <= CP_PROBE_HTTP; probe++) {
		struct cp_target *target;

		rig_start(probe);
		server.port = 0;
		test_server_start(&rig.loop, &server);
		target = target_add("127.0.0.1", server.port);
		health_start();
		RUN_UNTIL(status().in_flight == 1);
		HASH_DEL(rig.group.targets, target);
		memset(target, 0xdb, sizeof(*target));
		free(target);
		cp_health_sync(rig.health);
		RUN_UNTIL(status().targets == 0);
		assert_int_equal(rig.verdicts, 0);
		assert_int_equal(status().in_flight, 0);
		test_server_stop(&server);
		rig_stop();
	}
}

static void unused_group_is_not_checked_and_begins_anew(void **state)
{
	struct test_server server = {0};
	struct cp_target *target;

	rig_start(CP_PROBE_TCP);
	rig.group.lb = NULL;
	test_server_start(&rig.loop, &server);
	target = target_add("127.0.0.1", server.port);
	health_start();
	run_for(300);
	assert_int_equal(server.connections, 0);
	rig.group.lb = &rig.lb;
	cp_health_sync(rig.health);
	RUN_UNTIL(target->health.state == LB_TARGET_HEALTHY);
	rig.group.lb = NULL;
	cp_health_sync(rig.health);
	RUN_UNTIL(status().targets == 0);
	assert_int_equal(target->health.state, LB_TARGET_INITIAL);
	test_server_stop(&server);
	rig_stop();
}

static void disabled_check_makes_no_probe(void **state)
{
	rig_start(CP_PROBE_TCP);
	rig.group.check.enabled = false;
	target_add("127.0.0.1", closed_port());
	health_start();
	run_for(300);
	assert_int_equal(status().targets, 0);
	assert_int_equal(status().probes, 0);
	rig_stop();
}

static void changed_settings_take_over_at_once(void **state)
{
	struct blackhole hole;
	struct test_server server = {0};
	struct cp_target *target;

	rig_start(CP_PROBE_TCP);
	rig.group.check.interval_ms = 300000;
	rig.group.check.timeout_ms = 120000;
	blackhole_open(&hole);
	test_server_start(&rig.loop, &server);
	target = target_add("127.0.0.1", hole.port);
	health_start();
	RUN_UNTIL(status().in_flight == 1);
	rig.group.check.port = server.port;
	rig.group.check.interval_ms = 100;
	cp_health_sync(rig.health);
	RUN_UNTIL(target->health.state == LB_TARGET_HEALTHY);
	test_server_stop(&server);
	rig_stop();
	blackhole_close(&hole);
}

static void unchanged_settings_leave_a_probe_alone(void **state)
{
	struct blackhole hole;
	struct cp_target *target;

	rig_start(CP_PROBE_TCP);
	rig.group.check.timeout_ms = 400;
	blackhole_open(&hole);
	target = target_add("127.0.0.1", hole.port);
	health_start();
	for (int i = 0; i < 20; i++) { /* more often than a timeout ends */
		cp_health_sync(rig.health);
		run_for(100);
	}
	assert_int_equal(target->health.reason, CP_REASON_TIMEOUT);
	rig_stop();
	blackhole_close(&hole);
}

static void adopted_verdict_stands_until_a_probe_says_otherwise(void **state)
{
	struct cp_target *target;

	rig_start(CP_PROBE_TCP);
	rig.group.check.interval_ms = 100;
	target = target_add("127.0.0.1", closed_port());
	target->health.state = LB_TARGET_HEALTHY;
	target->health.reason = CP_REASON_NONE;
	health_start();
	RUN_UNTIL(status().probes == 1);
	assert_int_equal(target->health.state, LB_TARGET_HEALTHY);
	RUN_UNTIL(status().probes == 2);
	assert_int_equal(target->health.state, LB_TARGET_UNHEALTHY);
	rig_stop();
}

static void adopted_targets_are_not_all_probed_at_once(void **state)
{
	rig_start(CP_PROBE_TCP);
	rig.group.check.interval_ms = 300000;
	for (int i = 0; i < 100; i++)
		target_add("127.0.0.1", (uint16_t)(1000 + i))->health.state = LB_TARGET_HEALTHY;
	health_start();
	run_for(300); /* a thousandth of the interval */
	assert_int_equal(status().targets, 100);
	assert_in_range(status().probes, 0, 5);
	rig_stop();
}

static void lack_of_descriptors_is_not_the_targets_fault(void **state)
{
	for (enum cp_probe probe = CP_PROBE_TCP; probe <= CP_PROBE_HTTP; probe++) {
		struct test_server server = {.reply = "HTTP/1.1 200 OK\r\n\r\n"};
		struct cp_target *target;
		struct rlimit before, none;

		rig_start(probe);
		test_server_start(&rig.loop, &server);
		target = target_add("127.0.0.1", server.port);
		health_start();
		RUN_UNTIL(target->health.state == LB_TARGET_HEALTHY);
		getrlimit(RLIMIT_NOFILE, &before);
		none = before;
		none.rlim_cur = 3;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		RUN_UNTIL(status().postponed >= 10);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_equal(target->health.state, LB_TARGET_HEALTHY);
		assert_int_equal(target->health.failed, 0);
		assert_int_equal(status().failures, 0);
		test_server_stop(&server);
		rig_stop();
	}
}

/* A long rebuild of tables in the same loop: the answer came in time, but was read late. */
static void busy_loop_is_not_the_targets_fault(void **state)
{
	struct test_server server = {0};
	struct cp_target *target;

	rig_start(CP_PROBE_TCP);
	rig.group.check.timeout_ms = 50;
	test_server_start(&rig.loop, &server);
	target = target_add("127.0.0.1", server.port);
	health_start();
	for (int i = 0; i < 10; i++) {
		uint32_t probes = (uint32_t)status().probes;

		RUN_UNTIL(status().in_flight == 1 || status().probes > probes);
		usleep(80000);
	}
	RUN_UNTIL(status().probes >= 10);
	assert_int_equal(status().failures, 0);
	assert_int_equal(target->health.state, LB_TARGET_HEALTHY);
	test_server_stop(&server);
	rig_stop();
}

static unsigned nb_in_state(enum lb_target_state wanted)
{
	struct cp_target *target;
	unsigned nb = 0;

	for (target = rig.group.targets; target != NULL; target = target->hh.next)
		nb += target->health.state == wanted;
	return nb;
}

static void thousands_of_targets_get_their_verdicts_in_seconds(void **state)
{
	struct test_server server = {0};
	char text[32];

	rig_start(CP_PROBE_TCP);
	rig.group.check.interval_ms = 300000;
	test_server_start(&rig.loop, &server);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "127.1.%u.%u", i / 250, 1 + i % 250);
		target_add(text, server.port);
	}
	health_start();
	RUN_UNTIL(rig.verdicts == 5000);
	assert_int_equal(nb_in_state(LB_TARGET_HEALTHY), 5000);
	assert_int_equal(status().probes, 5000);
	test_server_stop(&server);
	rig_stop();
}

static void many_dead_targets_do_not_keep_a_good_one_waiting(void **state)
{
	struct blackhole hole;
	struct test_server server = {0};
	struct cp_target *good;
	char text[32];

	rig_start(CP_PROBE_TCP);
	rig.group.check.interval_ms = 5000;
	rig.group.check.timeout_ms = 120000;
	blackhole_open(&hole);
	test_server_start(&rig.loop, &server);
	for (unsigned i = 0; i < 500; i++) {
		snprintf(text, sizeof(text), "127.1.%u.%u", i / 250, 1 + i % 250);
		target_add(text, hole.port);
	}
	good = target_add("127.0.0.1", server.port);
	health_start();
	RUN_UNTIL(good->health.state == LB_TARGET_HEALTHY);
	assert_int_equal(status().in_flight, 500);
	test_server_stop(&server);
	rig_stop();
	blackhole_close(&hole);
}

/* Probes of one interval, counted in tenths of it: none has more than three times its share. */
static void probes_are_spread_over_the_interval(void **state)
{
	unsigned most = 0;

	rig_start(CP_PROBE_TCP);
	rig.group.check.interval_ms = 1000;
	rig.group.check.unhealthy_threshold = 10;
	for (int i = 0; i < 500; i++)
		target_add("127.0.0.1", (uint16_t)(1 + i));
	health_start();
	run_for(1600); /* first probes, and those until each has found its phase */
	for (int tenth = 0; tenth < 10; tenth++) {
		const uint64_t before = status().probes;

		run_for(100);
		if (status().probes - before > most)
			most = (unsigned)(status().probes - before);
	}
	assert_in_range(most, 50, 150);
	rig_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(new_target_is_probed_at_once),
	        cmocka_unit_test(tcp_check_ends_its_connection_without_a_reset),
	        cmocka_unit_test(refused_connection_is_a_failed_check),
	        cmocka_unit_test(silent_host_times_out),
	        cmocka_unit_test(slow_http_server_times_out),
	        cmocka_unit_test(dead_target_falls_and_returns),
	        cmocka_unit_test(http_request_is_as_documented),
	        cmocka_unit_test(http_code_is_judged_by_the_matcher),
	        cmocka_unit_test(endless_body_does_not_hold_a_check),
	        cmocka_unit_test(https_check_passes_with_a_certificate_of_its_own),
	        cmocka_unit_test(https_check_of_a_plain_server_fails),
	        cmocka_unit_test(fixed_health_port_is_used_instead_of_the_targets),
	        cmocka_unit_test(draining_target_is_not_checked_any_more),
	        cmocka_unit_test(removed_target_is_not_touched_by_a_late_answer),
	        cmocka_unit_test(unused_group_is_not_checked_and_begins_anew),
	        cmocka_unit_test(disabled_check_makes_no_probe),
	        cmocka_unit_test(changed_settings_take_over_at_once),
	        cmocka_unit_test(unchanged_settings_leave_a_probe_alone),
	        cmocka_unit_test(adopted_verdict_stands_until_a_probe_says_otherwise),
	        cmocka_unit_test(adopted_targets_are_not_all_probed_at_once),
	        cmocka_unit_test(lack_of_descriptors_is_not_the_targets_fault),
	        cmocka_unit_test(busy_loop_is_not_the_targets_fault),
	        cmocka_unit_test(thousands_of_targets_get_their_verdicts_in_seconds),
	        cmocka_unit_test(many_dead_targets_do_not_keep_a_good_one_waiting),
	        cmocka_unit_test(probes_are_spread_over_the_interval),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
