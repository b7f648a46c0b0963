-- SPDX-License-Identifier: BSD-3-Clause
-- The same at 1 flow and at sixteen times more each time, up to PKTGEN_FLOWS. What pktgen keeps ready in its packet
-- buffers bounds how many differ: compare with the load balancer's counter flows_new.
local anabranch = require("anabranch")

anabranch.run(function()
	local flows = 1
	while flows <= anabranch.flows do
		anabranch.load(flows, 64)
		anabranch.rate(100)
		local sent, received = anabranch.speed(anabranch.seconds)
		anabranch.report("test", "flows", "flows", flows, "sent_per_s", sent, "received_per_s", received)
		flows = flows * 16
	end
end)
