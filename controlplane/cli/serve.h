/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What "anabranch serve" is to make, read from the command line. Pure but for its messages.
 */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include "command.h"

struct cli_service {
	char protocol[16];
	json_t *vip;         /* {"Id", "Port"}; owned */
	const char *address; /* in 'vip' */
	json_int_t port;
	json_t *targets; /* [{"Id", "Port"}]; owned */
	bool vip_v6, targets_v6;
	char lb[64], group[96]; /* names */
};

/* 0, or an exit code after a message. To be cleared in both cases. */
int cli_service_read(struct cli_service *service, const struct cli_call *call);
void cli_service_clear(struct cli_service *service);

#endif
