-- SPDX-License-Identifier: BSD-3-Clause
-- Round trips beside a light load, by time stamps that pktgen puts into some of its packets: minimum, mean, maximum.
-- These go to UDP port 1028 whatever PKTGEN_VIP_PORT says: the load balancer needs a listener there too.
-- Percentiles need scripts/bench --part latency.
local anabranch = require("anabranch")

local EVERY_US = 1000
local LOAD_PERCENT = 1

anabranch.run(function()
	local p = anabranch.key
	anabranch.load(1, 128)
	pktgen.set_range(p, "off")
	pktgen.set_mac(p, "dst", anabranch.mac)
	pktgen.set_ipaddr(p, "dst", anabranch.vip)
	pktgen.set_ipaddr(p, "src", anabranch.clients .. "/32")
	pktgen.set_proto(p, "udp")
	pktgen.set(p, "sport", 20000)
	pktgen.set(p, "dport", anabranch.vip_port)
	pktgen.set(p, "size", 128)
	anabranch.rate(LOAD_PERCENT)
	pktgen.latency(p, "rate", EVERY_US)
	pktgen.latency(p, "on")
	anabranch.trial(anabranch.seconds)
	local l = pktgen.pktStats(p)[anabranch.port].latency
	pktgen.latency(p, "off")
	anabranch.report("test", "latency", "packets", l.num_pkts, "min_us", l.min_us, "mean_us", l.avg_us, "max_us", l.max_us)
end)
