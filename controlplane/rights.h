/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Who is at the other end of the control socket, and what they may do.
 */
#ifndef CP_RIGHTS_H
#define CP_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum cp_right { CP_RIGHT_NONE, CP_RIGHT_READ, CP_RIGHT_CHANGE }; /* each includes those before */

/* A group that the daemon's file names; 'known' is false while the system has no such group. */
struct cp_group_name {
	char name[64];
	gid_t gid;
	bool known;
};

struct cp_rights {
	struct cp_group_name read, admin;
	uid_t own_uid; /* the daemon's: may read */
};

struct cp_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	gid_t *groups; /* supplementary; owned */
	size_t nb_groups;
};

/* Looks the names up. May block in the system's name service: to be called before the loop runs. */
void cp_rights_resolve(struct cp_rights *rights);

/* Of a connected Unix socket: SO_PEERCRED and SO_PEERGROUPS, both as they were at connect().
 * 0 or -errno. */
int cp_peer_read(int fd, struct cp_peer *peer);
void cp_peer_clear(struct cp_peer *peer);

/* Pure. */
enum cp_right cp_rights_of(const struct cp_rights *rights, const struct cp_peer *peer);

/* What a refused peer should do: "changing needs uid 0 or the group anabranch-admin (…)". */
void cp_rights_advice(const struct cp_rights *rights, const struct cp_peer *peer,
        enum cp_right wanted, char *text, size_t len);

#endif
