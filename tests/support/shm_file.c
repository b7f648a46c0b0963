/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A file in /dev/shm for a test that runs in a child.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm_file.h"

/* Waits for the child's end. What asks this process to end goes to the child. */
static int child_wait(pid_t child, const sigset_t *awaited)
{
	int status, number;

	while (waitpid(child, &status, WNOHANG) == 0)
		if (sigwait(awaited, &number) == 0 && number != SIGCHLD)
			kill(child, number);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "ended by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
	return 1;
}

int shm_file_run(const char *name, int (*test)(const char *path))
{
	static const int awaited_numbers[] = {SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	sigset_t awaited, before;
	char path[64];
	pid_t child;
	int fd, rc;

	snprintf(path, sizeof(path), "/dev/shm/anabranch-%s-XXXXXX", name);
	sigemptyset(&awaited);
	for (size_t i = 0; i < sizeof(awaited_numbers) / sizeof(awaited_numbers[0]); i++)
		sigaddset(&awaited, awaited_numbers[i]);
	signal(SIGCHLD, SIG_DFL); /* ignored, there would be no status to wait for */
	sigprocmask(SIG_BLOCK, &awaited, &before);
	fd = mkstemp(path);
	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	close(fd);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigprocmask(SIG_SETMASK, &before, NULL);
		exit(test(path));
	}
	if (child < 0)
		fprintf(stderr, "fork: %s\n", strerror(errno));
	rc = child < 0 ? 1 : child_wait(child, &awaited);
	unlink(path);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return rc;
}

uint64_t shm_file_room(void)
{
	struct statvfs fs;

	return statvfs("/dev/shm", &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : 0;
}
