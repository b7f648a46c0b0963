/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rights by the kernel's word on the peer, never by the socket file's mode.
 */
#include "rights.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUP_BUFFER_LEN (1 << 16)

static void group_resolve(struct cp_group_name *group)
{
	struct group entry, *found = NULL;
	char *buffer = malloc(GROUP_BUFFER_LEN);

	group->known = buffer &&
	               getgrnam_r(group->name, &entry, buffer, GROUP_BUFFER_LEN, &found) == 0 &&
	               found;
	if (group->known)
		group->gid = entry.gr_gid;
	free(buffer);
}

void cp_rights_resolve(struct cp_rights *rights)
{
	group_resolve(&rights->read);
	group_resolve(&rights->admin);
	rights->own_uid = geteuid();
}

static int peer_groups(int fd, struct cp_peer *peer)
{
	socklen_t size = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || errno != ERANGE)
		return size == 0 ? 0 : -errno;
	peer->groups = malloc(size);
	if (!peer->groups)
		return -ENOMEM;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &size) < 0)
		return -errno;
	peer->nb_groups = size / sizeof(gid_t);
	return 0;
}

int cp_peer_read(int fd, struct cp_peer *peer)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);
	int rc;

	memset(peer, 0, sizeof(*peer));
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return -errno;
	peer->uid = cred.uid;
	peer->gid = cred.gid;
	peer->pid = cred.pid;
	rc = peer_groups(fd, peer);
	if (rc < 0)
		cp_peer_clear(peer);
	return rc;
}

void cp_peer_clear(struct cp_peer *peer)
{
	free(peer->groups);
	peer->groups = NULL;
	peer->nb_groups = 0;
}

static bool peer_in(const struct cp_peer *peer, const struct cp_group_name *group)
{
	if (!group->known)
		return false;
	if (peer->gid == group->gid)
		return true;
	for (size_t i = 0; i < peer->nb_groups; i++)
		if (peer->groups[i] == group->gid)
			return true;
	return false;
}

enum cp_right cp_rights_of(const struct cp_rights *rights, const struct cp_peer *peer)
{
	if (peer->uid == 0 || peer_in(peer, &rights->admin))
		return CP_RIGHT_CHANGE;
	if (peer->uid == rights->own_uid || peer_in(peer, &rights->read))
		return CP_RIGHT_READ;
	return CP_RIGHT_NONE;
}

void cp_rights_advice(const struct cp_rights *rights, const struct cp_peer *peer,
        enum cp_right wanted, char *text, size_t len)
{
	const struct cp_group_name *group =
	        wanted == CP_RIGHT_CHANGE ? &rights->admin : &rights->read;

	snprintf(text, len, "%s needs uid 0 or the group %s%s; you are uid %lld, gid %lld",
	        wanted == CP_RIGHT_CHANGE ? "changing" : "reading", group->name,
	        group->known ? "" : " (which this system did not have when anabranchd started)",
	        (long long)peer->uid, (long long)peer->gid);
}
