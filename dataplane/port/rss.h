/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Receive-side scaling in the device: what a port is asked for, and what it then says it does.
 *
 * Asked for: IPv4, IPv6, TCP and UDP; a key drawn at start, so that nobody outside can aim flows at
 * one queue; and the queues in turn in the table (RETA). The key is not symmetric: a translated
 * flow's directions differ in an address and a port, so no key makes them meet, and any worker may
 * take any packet. Each of these a driver may refuse: then it does what it does.
 */
#ifndef DP_RSS_H
#define DP_RSS_H

#include <rte_ethdev.h>
#include <stdbool.h>

#define DP_RSS_KEY_MAX 64

enum dp_rss_key { DP_RSS_KEY_UNKNOWN, DP_RSS_KEY_DRAWN, DP_RSS_KEY_OF_DRIVER };

struct dp_rss {
	bool on;
	bool hash;         /* offered and asked for with each packet */
	uint8_t functions; /* LB_RSS_*: that the driver says it hashes by, else was asked for */
	bool by_ports;     /* among them TCP and UDP of both families */
	bool confirmed;    /* the driver said so */
	bool has_key;      /* one was drawn */
	enum dp_rss_key key;
	uint16_t reta_size;            /* 0: the device has no table that we could see */
	bool reta_dealt;               /* by us, and read back so */
	uint8_t bytes[DP_RSS_KEY_MAX]; /* of the key; the driver keeps a reference */
};

/* Adds to 'conf' what the device offers, for so many queues; 'hash' wants the hash with each packet
 * even of a single one. */
void dp_rss_ask(struct dp_rss *rss, const struct rte_eth_dev_info *info, uint16_t nb_queues,
        bool hash, struct rte_eth_conf *conf);

/* Takes the key out of 'conf', for a driver that refused it. */
void dp_rss_leave_key(struct dp_rss *rss, struct rte_eth_conf *conf);

/* Deals out the table of a started port, and finds out what the driver does. */
void dp_rss_settle(
        struct dp_rss *rss, uint16_t port, const struct rte_eth_dev_info *info, uint16_t nb_queues);

/* Whether a hash comes with packets that can spread flows over workers (spread.h): the driver said
 * that it hashes by TCP and UDP ports, and with the key that was drawn. */
bool dp_rss_spreads(const struct dp_rss *rss);

/* One line about it, for the log. */
void dp_rss_describe(const struct dp_rss *rss, char *text, size_t size);

#endif
