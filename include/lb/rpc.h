/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The control socket: JSON-RPC 2.0, one object a line, over a Unix stream socket. Methods, limits
 * and error codes that the daemon and its clients share. Names and shapes are those of the ELBv2
 * API.
 */
#ifndef LB_RPC_H
#define LB_RPC_H

#define LB_CONTROL_SOCKET "/run/anabranch/control.sock"

#define LB_RPC_MAX_LINE    (4u << 20) /* bytes of one request or reply, newline included */
#define LB_RPC_MAX_CLIENTS 64
#define LB_RPC_MAX_UNREAD  (16u << 20) /* a client that lets more than this wait is disconnected */

/* JSON-RPC 2.0, section 5.1; LB_RPC_ELB is ours: data.Code is an ELBv2 error code. */
enum lb_rpc_error {
	LB_RPC_PARSE_ERROR = -32700,
	LB_RPC_INVALID_REQUEST = -32600,
	LB_RPC_METHOD_NOT_FOUND = -32601,
	LB_RPC_INVALID_PARAMS = -32602,
	LB_RPC_INTERNAL_ERROR = -32603,
	LB_RPC_ELB = -32000,
};

/* X(method, right): READ needs the group anabranch, CHANGE uid 0 or the group anabranch-admin. */
#define LB_RPC_METHODS(X)                       \
	X(CreateLoadBalancer, CHANGE)           \
	X(DescribeLoadBalancers, READ)          \
	X(DeleteLoadBalancer, CHANGE)           \
	X(ModifyLoadBalancerAttributes, CHANGE) \
	X(DescribeLoadBalancerAttributes, READ) \
	X(CreateTargetGroup, CHANGE)            \
	X(DescribeTargetGroups, READ)           \
	X(ModifyTargetGroup, CHANGE)            \
	X(DeleteTargetGroup, CHANGE)            \
	X(ModifyTargetGroupAttributes, CHANGE)  \
	X(DescribeTargetGroupAttributes, READ)  \
	X(RegisterTargets, CHANGE)              \
	X(DeregisterTargets, CHANGE)            \
	X(DescribeTargetHealth, READ)           \
	X(CreateListener, CHANGE)               \
	X(DescribeListeners, READ)              \
	X(ModifyListener, CHANGE)               \
	X(DeleteListener, CHANGE)               \
	X(ModifyListenerAttributes, CHANGE)     \
	X(DescribeListenerAttributes, READ)     \
	X(Status, READ)

#endif
