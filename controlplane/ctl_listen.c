/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Binding the control socket, over what a daemon that died has left.
 */
#include "ctl_listen.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

static int listen_fail(const char *path, const char *what, char *why, size_t why_len)
{
	snprintf(why, why_len, "%s: %s", path, what);
	return -1;
}

static int stream_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Whether a daemon accepts there: connecting to a full backlog says EAGAIN. */
static bool somebody_listens(const struct sockaddr_un *address)
{
	int fd = stream_socket(), rc, reason;

	if (fd < 0)
		return true;
	rc = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	reason = errno;
	close(fd);
	return rc == 0 || reason == EAGAIN;
}

static int leftover_remove(const struct sockaddr_un *address, char *why, size_t why_len)
{
	const char *path = address->sun_path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : listen_fail(path, strerror(errno), why, why_len);
	if (!S_ISSOCK(st.st_mode))
		return listen_fail(path,
		        "is there and no socket: move it away, or set \"control_socket\"", why,
		        why_len);
	if (somebody_listens(address))
		return listen_fail(path,
		        "another process listens there: stop it, or give this anabranchd a "
		        "\"control_socket\" of its own",
		        why, why_len);
	if (unlink(path) < 0 && errno != ENOENT)
		return listen_fail(path, strerror(errno), why, why_len);
	return 0;
}

int cp_ctl_listen(const char *path, char *why, size_t why_len)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return listen_fail(path, "too long for a socket's path (107 bytes)", why, why_len);
	strcpy(address.sun_path, path);
	if (leftover_remove(&address, why, why_len) < 0)
		return -1;
	fd = stream_socket();
	if (fd < 0)
		return listen_fail(path, strerror(errno), why, why_len);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0666) < 0 ||
	        listen(fd, BACKLOG) < 0) {
		snprintf(why, why_len,
		        "%s: %s: its directory must exist and be writable for anabranchd", path,
		        strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

void cp_ctl_unlink(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred listener;
	socklen_t size = sizeof(listener);
	int fd = stream_socket();

	if (fd < 0)
		return;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &listener, &size) == 0 &&
	        listener.pid == getpid())
		unlink(path);
	close(fd);
}
