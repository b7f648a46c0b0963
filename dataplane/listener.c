/* SPDX-License-Identifier: BSD-3-Clause
 *
 * (address, protocol, port) -> listener, in the generation that a worker runs.
 */
#include "tables.h"

static bool matches(
        const struct lb_listener *l, const struct lb_ip *ip, uint8_t protocol, lb_be16 port)
{
	return l->port == port && l->protocol == protocol && lb_ip_equal(&l->vip, ip);
}

const struct lb_listener *dp_tables_listener(
        const struct dp_tables *t, const struct lb_ip *ip, uint8_t protocol, lb_be16 port)
{
	uint32_t tag = lb_listener_hash(ip, protocol, port);

	if (t->nb_listeners == 0)
		return NULL;
	for (uint32_t i = 0; i < LB_INDEX_MAX_PROBES; i++) {
		const struct lb_index *place = &t->listener_index[(tag + i) & t->listener_mask];
		uint32_t row = __atomic_load_n(&place->row, __ATOMIC_RELAXED);

		if (row == 0)
			return NULL;
		if (place->tag == tag && row <= t->nb_listeners &&
		        matches(&t->listeners[row - 1], ip, protocol, port))
			return &t->listeners[row - 1];
	}
	return NULL;
}
