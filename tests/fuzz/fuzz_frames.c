/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Fuzz target: frames through the whole pipeline. The input is a sequence of frames, each behind a
 * byte of options and two bytes of length (high byte first):
 *
 *   bit 0     received by port 1 (the targets' side) rather than port 0
 *   bit 1     the frame's destination address is not made the port's own
 *   bits 2-3  split the frame into two buffer segments after 14, 40 or 60 bytes; 0: one segment
 *   bits 4-5  what the device says of the IP checksum, bits 6-7 of the TCP or UDP checksum:
 *             unknown, good, bad, none
 */
#include <stdlib.h>

#include "pipeline_rig.h"

#define MAX_FRAME 1600u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
__attribute__((weak)) void __lsan_disable(void);
__attribute__((weak)) void __lsan_enable(void);

static struct rig *rig;

/* The rig lives until the process ends, and some of it is known only to DPDK's own memory, where
 * the leak checker does not look. What an input leaves behind is checked at its end. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct rig_config config = {.flows = 64, .packets = 255, .client_limit = 4};

	if (__lsan_disable != NULL)
		__lsan_disable();
	rig_eal(false);
	rig = rig_create(&config);
	if (__lsan_enable != NULL)
		__lsan_enable();
	return 0;
}

static uint64_t rx_flags(uint8_t options)
{
	static const uint64_t ip[] = {RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN, RTE_MBUF_F_RX_IP_CKSUM_GOOD,
	        RTE_MBUF_F_RX_IP_CKSUM_BAD, RTE_MBUF_F_RX_IP_CKSUM_NONE};
	static const uint64_t l4[] = {RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN, RTE_MBUF_F_RX_L4_CKSUM_GOOD,
	        RTE_MBUF_F_RX_L4_CKSUM_BAD, RTE_MBUF_F_RX_L4_CKSUM_NONE};

	return ip[options >> 4 & 3] | l4[options >> 6];
}

static struct rte_mbuf *make_packet(const uint8_t *bytes, uint32_t len, uint8_t options)
{
	static const uint32_t splits[] = {UINT32_MAX, 14, 40, 60};
	uint32_t first = RTE_MIN(len, splits[options >> 2 & 3]);
	struct rte_mbuf *m = rig_mbuf(rig, bytes, first);

	if (first < len)
		rte_pktmbuf_chain(m, rig_mbuf(rig, bytes + first, len - first));
	if (!(options & 2) && first >= sizeof(struct rte_ether_hdr))
		rte_pktmbuf_mtod(m, struct rte_ether_hdr *)->dst_addr = rig->ports[options & 1].mac;
	m->ol_flags |= rx_flags(options);
	return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	rig_forget(rig);
	while (size >= 3) {
		uint8_t options = data[0];
		uint32_t len = (uint32_t)data[1] << 8 | data[2];
		struct rte_mbuf *m;

		data += 3;
		size -= 3;
		len = len < size ? len : (uint32_t)size;
		len = RTE_MIN(len, MAX_FRAME);
		m = make_packet(data, len, options);
		data += len;
		size -= len;
		dp_pipeline_run(&rig->ctx, &m, 1, options & 1);
		rig_clear(rig);
	}
	if (!rig_conserves(rig) || rte_mempool_in_use_count(rig->pool) != 0)
		abort();
	return 0;
}
