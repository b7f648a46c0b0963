/* SPDX-License-Identifier: BSD-3-Clause
 *
 * HTTP and HTTPS health checks: one GET on a connection of its own, judged by the status code.
 *
 * No connection is reused (a kept one would hide a server that accepts no more), no redirect
 * followed, no certificate verified (as ELBv2), no proxy of the environment used. The answer is
 * read and thrown away, so that the server is not reset in the middle of a small one, but no more
 * than a bounded piece of it.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "http_loop.h"
#include "model/matcher.h"
#include "probe.h"

#define HTTP_MAX_HEADERS 65536
#define HTTP_MAX_BODY    65536

struct http_probe {
	struct cp_http *http;
	struct cp_http_transfer transfer;
	int fd; /* the socket until the transfer takes it, then -1 */
	char matcher[sizeof(((struct cp_health_settings *)NULL)->matcher)];
	size_t header_bytes, body_bytes;
	bool answered; /* the headers of the final response are whole */
	void (*done)(void *arg, const struct cp_probe_result *result);
	void *arg;
};

static void http_release(struct http_probe *probe)
{
	curl_easy_cleanup(probe->transfer.easy);
	if (probe->fd >= 0)
		close(probe->fd);
	free(probe);
}

static void http_cancel(void *arg)
{
	struct http_probe *probe = arg;

	cp_http_remove(probe->http, &probe->transfer);
	http_release(probe);
}

static void http_judge_failure(CURL *easy, CURLcode code, struct cp_probe_result *result)
{
	long os_error = 0;

	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
	result->outcome = CP_PROBE_FAILED;
	if (code == CURLE_OUT_OF_MEMORY ||
	        (code == CURLE_COULDNT_CONNECT && cp_probe_is_shortage((int)os_error)))
		result->outcome = CP_PROBE_NOT_TRIED;
	else if (code == CURLE_COULDNT_CONNECT && os_error == ETIMEDOUT)
		result->outcome = CP_PROBE_TIMED_OUT;
	snprintf(result->detail, sizeof(result->detail), "%s",
	        code == CURLE_COULDNT_CONNECT && os_error != 0 ? strerror((int)os_error)
	                                                       : curl_easy_strerror(code));
}

/* A whole set of headers decides, whatever became of the body. */
static void http_finished(void *arg, CURLcode code)
{
	struct http_probe *probe = arg;
	struct cp_probe_result result = {.outcome = CP_PROBE_PASSED};
	void (*done)(void *, const struct cp_probe_result *) = probe->done;
	void *done_arg = probe->arg;
	long status = 0;

	curl_easy_getinfo(probe->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	if (probe->answered) {
		if (!cp_matcher_match(probe->matcher, status))
			result.outcome = CP_PROBE_BAD_CODE;
		snprintf(result.detail, sizeof(result.detail), "%ld", status);
	} else {
		http_judge_failure(probe->transfer.easy, code, &result);
	}
	http_release(probe);
	done(done_arg, &result);
}

static size_t on_header(char *line, size_t size, size_t len, void *arg)
{
	struct http_probe *probe = arg;
	long status = 0;

	probe->header_bytes += len;
	if (probe->header_bytes > HTTP_MAX_HEADERS)
		return 0;
	curl_easy_getinfo(probe->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && (line[0] == '\r' || line[0] == '\n'))
		probe->answered = true;
	return len;
}

static size_t on_body(char *data, size_t size, size_t len, void *arg)
{
	struct http_probe *probe = arg;

	probe->body_bytes += len;
	return probe->body_bytes > HTTP_MAX_BODY ? 0 : len;
}

static curl_socket_t on_socket_wanted(
        void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_probe *probe = arg;
	int fd = probe->fd;

	probe->fd = -1;
	return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

/* The path as it goes over the wire: whatever would end the request line is escaped. */
static void path_escape(const char *path, char *wire, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t at = 0;

	for (; *path != '\0' && at + 4 < len; path++) {
		unsigned char c = (unsigned char)*path;

		if (c > ' ' && c < 0x7f) {
			wire[at++] = *path;
		} else {
			wire[at++] = '%';
			wire[at++] = hex[c >> 4];
			wire[at++] = hex[c & 15];
		}
	}
	wire[at] = '\0';
}

static void http_set_target(CURL *easy, const char *scheme,
        const struct cp_health_settings *settings, const struct lb_ip *ip, uint16_t port)
{
	char text[64], url[96], path[3 * CP_PATH_LEN + 4];

	cp_ip_format(ip, text, sizeof(text));
	snprintf(url, sizeof(url), lb_ip_is_v4(ip) ? "%s://%s:%u/" : "%s://[%s]:%u/", scheme, text,
	        port);
	path_escape(settings->path, path, sizeof(path));
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, path);
}

static struct curl_slist close_after = {.data = "Connection: close"};

static void http_set_manners(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "anabranch-health-check/" LB_VERSION);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, &close_after);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 4096L);
}

/* Nothing is protected by a check: old servers and weak keys are to be reached too. */
static void http_set_tls(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_0);
	curl_easy_setopt(easy, CURLOPT_SSL_CIPHER_LIST, "DEFAULT:@SECLEVEL=0");
}

static void http_set_callbacks(CURL *easy, struct http_probe *probe)
{
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, probe);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, probe);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket_wanted);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, probe);
}

static struct http_probe *http_begin(const char *scheme, struct cp_health *health,
        const struct cp_health_settings *settings, const struct lb_ip *ip, uint16_t port)
{
	struct http_probe *probe = calloc(1, sizeof(*probe));

	if (probe == NULL)
		return NULL;
	probe->http = health->http;
	/* Opened here and not by the transfer: a shortage of descriptors is to be seen at once. */
	probe->fd = cp_probe_socket(ip);
	probe->transfer.easy = probe->fd >= 0 ? curl_easy_init() : NULL;
	if (probe->transfer.easy == NULL) {
		http_release(probe);
		return NULL;
	}
	snprintf(probe->matcher, sizeof(probe->matcher), "%s", settings->matcher);
	http_set_target(probe->transfer.easy, scheme, settings, ip, port);
	http_set_manners(probe->transfer.easy);
	http_set_callbacks(probe->transfer.easy, probe);
	return probe;
}

static void *http_add(struct http_probe *probe,
        void (*done)(void *arg, const struct cp_probe_result *result), void *arg)
{
	probe->done = done;
	probe->arg = arg;
	probe->transfer.finished = http_finished;
	probe->transfer.arg = probe;
	if (cp_http_add(probe->http, &probe->transfer) == 0)
		return probe;
	http_release(probe);
	return NULL;
}

static void *http_start(struct cp_health *health, const struct cp_health_settings *settings,
        const struct lb_ip *ip, uint16_t port,
        void (*done)(void *arg, const struct cp_probe_result *result), void *arg)
{
	struct http_probe *probe = http_begin("http", health, settings, ip, port);

	return probe != NULL ? http_add(probe, done, arg) : NULL;
}

static void *https_start(struct cp_health *health, const struct cp_health_settings *settings,
        const struct lb_ip *ip, uint16_t port,
        void (*done)(void *arg, const struct cp_probe_result *result), void *arg)
{
	struct http_probe *probe = http_begin("https", health, settings, ip, port);

	if (probe == NULL)
		return NULL;
	http_set_tls(probe->transfer.easy);
	return http_add(probe, done, arg);
}

const struct cp_probe_ops cp_probe_http = {
        .name = "HTTP",
        .start = http_start,
        .cancel = http_cancel,
};

const struct cp_probe_ops cp_probe_https = {
        .name = "HTTPS",
        .start = https_start,
        .cancel = http_cancel,
};
