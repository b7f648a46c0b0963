/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The handshake on the attach socket: Unix, SOCK_SEQPACKET, by default
 * /run/anabranch/dataplane.sock.
 *
 *   control plane                        dataplane (main lcore)
 *   connect ---------------------------->
 *   struct lb_attach_request ----------->
 *        <---------------------------- struct lb_attach_reply, with three descriptors (SCM_RIGHTS)
 *                                      in the order of enum lb_segment_kind when status is OK:
 *                                      tables rw, stats reopened read-only, rings rw
 *   the connection stays open: its end is the other side's death, for both
 *
 * One control plane at a time holds an instance. A second one gets LB_ATTACH_HELD with the holder's
 * process id, and the connection is closed.
 */
#ifndef LB_ATTACH_H
#define LB_ATTACH_H

#include "types.h"

#define LB_ATTACH_SOCKET "/run/anabranch/dataplane.sock"

struct lb_attach_request {
	uint64_t magic;
	uint32_t abi_version;
	uint32_t reserved;
	char program[32]; /* name and version, for the holder's log; NUL-terminated */
};
LB_ASSERT_SIZE(struct lb_attach_request, 48);

enum lb_attach_status {
	LB_ATTACH_OK,
	LB_ATTACH_BAD_VERSION, /* 'abi_version' of the reply is the dataplane's */
	LB_ATTACH_HELD,        /* 'holder_pid' has it */
	LB_ATTACH_BAD_REQUEST, /* not a struct lb_attach_request */
};

struct lb_attach_reply {
	uint64_t magic;
	uint32_t abi_version;
	uint32_t status; /* enum lb_attach_status */
	int32_t holder_pid;
	int32_t dataplane_pid;
	uint64_t session;
	char instance[LB_INSTANCE_LEN];
	char text[80]; /* what is wrong and what would be right, for the log; empty when OK */
};
LB_ASSERT_SIZE(struct lb_attach_reply, 128);

#endif
