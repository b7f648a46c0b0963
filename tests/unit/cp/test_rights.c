/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Who may read and who may change, and what the kernel says about a peer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rights.h"

enum { READERS = 500, ADMINS = 600, OTHERS = 700, DAEMON_UID = 50, USER_UID = 1000 };

static const struct cp_rights rights = {.read = {"readers", READERS, true},
        .admin = {"admins", ADMINS, true},
        .own_uid = DAEMON_UID};

static enum cp_right right_of(uid_t uid, gid_t gid, gid_t extra)
{
	gid_t groups[] = {OTHERS, extra};
	struct cp_peer peer = {.uid = uid, .gid = gid, .groups = groups, .nb_groups = 2};

	return cp_rights_of(&rights, &peer);
}

static void test_truth_table(void **state)
{
	assert_int_equal(right_of(0, OTHERS, OTHERS), CP_RIGHT_CHANGE);
	assert_int_equal(right_of(USER_UID, ADMINS, OTHERS), CP_RIGHT_CHANGE);
	assert_int_equal(right_of(USER_UID, OTHERS, ADMINS), CP_RIGHT_CHANGE);
	assert_int_equal(right_of(USER_UID, READERS, ADMINS), CP_RIGHT_CHANGE);
	assert_int_equal(right_of(USER_UID, READERS, OTHERS), CP_RIGHT_READ);
	assert_int_equal(right_of(USER_UID, OTHERS, READERS), CP_RIGHT_READ);
	assert_int_equal(right_of(DAEMON_UID, OTHERS, OTHERS), CP_RIGHT_READ);
	assert_int_equal(right_of(DAEMON_UID, ADMINS, OTHERS), CP_RIGHT_CHANGE);
	assert_int_equal(right_of(USER_UID, OTHERS, OTHERS), CP_RIGHT_NONE);
	/* root's group is no right of its own */
	assert_int_equal(right_of(USER_UID, 0, 0), CP_RIGHT_NONE);
}

static void test_groups_that_do_not_exist_give_nothing(void **state)
{
	struct cp_rights missing = {.read = {"readers", 0, false}, .admin = {"admins", 0, false}};
	struct cp_peer peer = {.uid = USER_UID, .gid = 0};

	assert_int_equal(cp_rights_of(&missing, &peer), CP_RIGHT_NONE);
	peer.uid = 0;
	assert_int_equal(cp_rights_of(&missing, &peer), CP_RIGHT_CHANGE);
}

static void test_unknown_group_names_are_resolved_to_nothing(void **state)
{
	struct cp_rights unknown = {
	        .read = {.name = "anabranch-no-such-group"}, .admin = {.name = "root"}};

	cp_rights_resolve(&unknown);
	assert_false(unknown.read.known);
	assert_true(unknown.admin.known);
	assert_int_equal(unknown.admin.gid, 0);
	assert_int_equal(unknown.own_uid, geteuid());
}

static void test_advice_names_the_right_group(void **state)
{
	struct cp_peer peer = {.uid = USER_UID, .gid = OTHERS};
	char text[160];

	cp_rights_advice(&rights, &peer, CP_RIGHT_CHANGE, text, sizeof(text));
	assert_non_null(strstr(text, "group admins"));
	cp_rights_advice(&rights, &peer, CP_RIGHT_READ, text, sizeof(text));
	assert_non_null(strstr(text, "group readers"));
}

static void test_peer_is_what_the_kernel_says(void **state)
{
	gid_t own[256];
	int nb = getgroups(256, own), fds[2];
	struct cp_peer peer;

	assert_true(nb >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(cp_peer_read(fds[0], &peer), 0);
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.gid, getegid());
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.nb_groups, nb);
	for (size_t i = 0; i < peer.nb_groups; i++) {
		int known = 0;

		for (int j = 0; j < nb; j++)
			known |= own[j] == peer.groups[i];
		assert_true(known);
	}
	cp_peer_clear(&peer);
	close(fds[0]);
	close(fds[1]);
}

static void test_a_file_is_no_peer(void **state)
{
	struct cp_peer peer;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_true(cp_peer_read(fds[0], &peer) < 0);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_truth_table),
	        cmocka_unit_test(test_groups_that_do_not_exist_give_nothing),
	        cmocka_unit_test(test_unknown_group_names_are_resolved_to_nothing),
	        cmocka_unit_test(test_advice_names_the_right_group),
	        cmocka_unit_test(test_peer_is_what_the_kernel_says),
	        cmocka_unit_test(test_a_file_is_no_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
