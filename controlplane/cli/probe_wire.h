/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One conversation over the data plane's probe port: TCP segments or UDP datagrams in frames of our
 * own, past the kernel's stack, which has a guard against its own packets to virtual addresses.
 */
#ifndef CLI_PROBE_WIRE_H
#define CLI_PROBE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLI_WIRE_PAYLOAD 1024 /* bytes in a frame of ours */

enum { CLI_TCP_FIN = 1, CLI_TCP_SYN = 2, CLI_TCP_RST = 4, CLI_TCP_PSH = 8, CLI_TCP_ACK = 16 };

struct cli_wire {
	int fd; /* -1: not open */
	bool is_v6, is_tcp;
	uint8_t own_mac[6], port_mac[6];
	uint8_t own[16], remote[16]; /* addresses; 4 or 16 bytes */
	uint16_t own_port, remote_port;
	uint8_t frame[2048];
};

/* A segment or datagram; of UDP only the data. 'data' may lead into the wire's frame. */
struct cli_segment {
	uint8_t flags;
	uint32_t seq, ack;
	const uint8_t *data;
	size_t len;
};

/* Opens the probe port 'interface' for the family of 'address'. 0, or -1 with what is wrong, and
 * what would be right, in 'why'. */
int cli_wire_open(struct cli_wire *wire, const char *interface, const char *address, char *why,
        size_t why_len);
void cli_wire_close(struct cli_wire *wire);

/* Our address on this wire, as text. */
void cli_wire_own(const struct cli_wire *wire, char *text, size_t len);

/* 0 or -errno. */
int cli_wire_send(struct cli_wire *wire, const struct cli_segment *segment);

/* The next segment of this conversation; false if none came until 'deadline_us'. */
bool cli_wire_receive(struct cli_wire *wire, int64_t deadline_us, struct cli_segment *segment);

/* Microseconds of CLOCK_MONOTONIC. */
int64_t cli_wire_now(void);

#endif
