/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One client of the control socket, and what it shares with ctl_socket.c.
 *
 *   bytes -> lines -> entries (parsed requests, in order) -> replies (in order)
 *
 * Changes of one client are under way together, so that they share commits; a read waits until the
 * changes before it are answered, and everything behind a waiting read waits with it.
 */
#ifndef CP_CTL_CLIENT_H
#define CP_CTL_CLIENT_H

#include "ctl_socket.h"
#include "jsonrpc.h"

#define CP_CTL_MAX_STRANGERS 8     /* clients without any right, connected at a time */
#define CP_CTL_STRANGER_MS   1000  /* that such a client has to send its request */
#define CP_CTL_STRANGER_LINE 65536 /* the longest that is read from it */

struct cp_client_entry;

struct cp_client {
	struct cp_ctl *ctl;
	uv_pipe_t pipe;
	enum cp_right right;
	struct cp_caller caller;
	char refusal[160]; /* what an AccessDenied says to it */
	uint64_t since_ms; /* uv_now() at its connection */
	struct {
		char *bytes;
		size_t len, capacity;
		size_t scanned; /* no newline before this */
	} input;
	struct cp_client_entry *entries;
	uint32_t nb_entries;
	size_t entry_bytes;  /* of the lines that they were */
	bool admitted;       /* it has a place among LB_RPC_MAX_CLIENTS */
	bool reading;        /* the pipe is read */
	bool eof;            /* it sends no more bytes */
	bool ended;          /* no more requests are taken */
	bool yielded;        /* it used up its share of this turn of the loop */
	uint64_t turn_until; /* uv_hrtime() at which it has */
	bool shutting_down, closing, closed;
	uv_shutdown_t shutdown;
	struct cp_client *prev, *next; /* of the socket's list */
};

struct cp_ctl {
	uv_loop_t *loop;
	uv_pipe_t listener;
	uv_timer_t turn;      /* lets yielded clients go on */
	uv_timer_t strangers; /* ends those that keep silent */
	char *path;
	struct cp_ctl_backend backend;
	struct cp_client *clients;
	uint32_t nb_clients, nb_strangers; /* that have a place: strangers are among the clients */
	uint32_t nb_connections;           /* of 'clients': also those that are being closed */
	uint32_t nb_handles;               /* of its own, not closed yet */
	bool stopped, freeing;
	char chunk[65536]; /* what uv_read reads into: consumed within the callback */
};

/* 'fd' connected and accepted as client->pipe; rights known. Begins to read. */
void cp_client_start(struct cp_client *client);

/* Goes on after a yield. */
void cp_client_run(struct cp_client *client);

/* Closes the connection. The memory goes when no change owes it a reply. */
void cp_client_close(struct cp_client *client);

/* ctl_entries.c: */

/* Makes an entry of a line without its newline, answered already if it is no good request. */
void cp_client_take_line(struct cp_client *client, const char *line, size_t len);
/* Answers a line that is longer than 'max' and takes no more. */
void cp_client_refuse_line(struct cp_client *client, size_t max);
/* Starts what may start. Frees no entry. */
void cp_client_start_entries(struct cp_client *client);
/* Sends what is answered, in order. May close the client. */
void cp_client_flush(struct cp_client *client);
/* Frees all but the changes that are under way. */
void cp_client_drop_entries(struct cp_client *client);
/* Whether nothing more of this client may be begun now: its turn is over, or the daemon ends. */
bool cp_client_over_turn(struct cp_client *client);

/* ctl_socket.c: */
void cp_ctl_yield(struct cp_ctl *ctl);           /* a client wants to go on in the next turn */
void cp_ctl_leaves(struct cp_client *client);    /* it gives its place up */
void cp_ctl_gone(struct cp_client *client);      /* the connection is closed */
void cp_ctl_forgotten(struct cp_client *client); /* nothing refers to it: frees it */

#endif
