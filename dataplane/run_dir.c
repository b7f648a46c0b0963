/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One lock file, dataplane.lock, with the process id of its holder in it.
 */
#include "run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

static pid_t read_pid(int fd)
{
	char text[16] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	return (pid_t)strtol(text, NULL, 10);
}

static int open_lock(const char *dir, int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/dataplane.lock", dir);
	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

static int make_dir(const char *dir, gid_t gid)
{
	bool shared = gid != (gid_t)-1;

	if (mkdir(dir, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	if (shared && (chown(dir, (uid_t)-1, gid) < 0 || chmod(dir, 01775) < 0))
		return -errno;
	return 0;
}

static int take_lock(int fd)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", getpid());

	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return -EIO;
	return 0;
}

static const char *hint(int error)
{
	switch (error) {
	case -ENOENT:
		return ": make the directory above it first";
	case -EPERM:
		return ": it can't be given to the group: run it as root, or make the directory "
		       "beforehand";
	case -EACCES:
		return ": run it as root, or choose a run_dir that its user may write to";
	case -ELOOP:
		return ": its dataplane.lock is a symbolic link, expected a file";
	default:
		return "";
	}
}

int dp_run_dir_lock(const char *dir, gid_t gid)
{
	int rc = make_dir(dir, gid), fd = -1;

	if (rc == 0)
		fd = rc = open_lock(dir, O_RDWR | O_CREAT);
	if (rc >= 0)
		rc = take_lock(fd);
	if (rc == 0)
		return fd;
	if (rc == -EBUSY)
		dp_log_error("run_dir %s: process %d has it: stop that dataplane, or give this one "
		             "a run_dir of its own",
		        dir, read_pid(fd));
	else
		dp_log_error("run_dir %s: %s%s", dir, strerror(-rc), hint(rc));
	if (fd >= 0)
		close(fd);
	return rc;
}

pid_t dp_run_dir_owner(const char *dir)
{
	int fd = open_lock(dir, O_RDONLY);
	pid_t pid = 0;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		pid = errno == EWOULDBLOCK ? read_pid(fd) : -errno;
	close(fd);
	return pid;
}

int dp_run_dir_group(const char *name, const char *preset, gid_t *gid)
{
	const struct group *group = getgrnam(name[0] != '\0' ? name : preset);

	*gid = group != NULL ? group->gr_gid : (gid_t)-1;
	if (group != NULL)
		return 0;
	if (name[0] != '\0') {
		dp_log_error(
		        "group: there is no group \"%s\": make it (addgroup --system), or leave "
		        "the key out",
		        name);
		return -ENOENT;
	}
	dp_log_notice("there is no group \"%s\": only root may attach a control plane", preset);
	return 0;
}
