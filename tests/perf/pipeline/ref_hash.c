/* SPDX-License-Identifier: BSD-3-Clause
 *
 * See ref_hash.h.
 */
#include "ref_hash.h"

#include <rte_hash_crc.h>
#include <stdio.h>

#include "packets.h"
#include "pipeline.h"

bool ref_hash_open(struct ref_hash *h, bool is_v6, uint32_t capacity)
{
	static uint32_t nb_made;
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters parameters = {
	        .name = name,
	        .entries = capacity,
	        .key_len = PACKET_KEY_WORDS(is_v6) * sizeof(uint64_t),
	        .hash_func = rte_hash_crc,
	        .socket_id = SOCKET_ID_ANY,
	};

	snprintf(name, sizeof(name), "bench%u", nb_made++);
	*h = (struct ref_hash){.is_v6 = is_v6, .hash = rte_hash_create(&parameters)};
	return h->hash != NULL;
}

void ref_hash_close(struct ref_hash *h)
{
	rte_hash_free(h->hash);
	h->hash = NULL;
}

bool ref_hash_add(struct ref_hash *h, const uint64_t *key)
{
	return rte_hash_add_key_data(h->hash, key, (void *)(uintptr_t)1) == 0;
}

void ref_hash_burst(void *arg, uint32_t at)
{
	struct ref_hash *h = arg;
	const uint32_t words = PACKET_KEY_WORDS(h->is_v6);
	const void *keys[DP_BURST];
	void *data[DP_BURST];
	uint64_t hits = 0;

	for (uint32_t i = 0; i < DP_BURST; i++)
		keys[i] = h->keys + (at + i) * words;
	h->found += (uint32_t)rte_hash_lookup_bulk_data(h->hash, keys, DP_BURST, &hits, data);
}
