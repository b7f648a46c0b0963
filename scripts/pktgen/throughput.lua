-- SPDX-License-Identifier: BSD-3-Clause
-- Packets a second through the load balancer at full rate, of the shortest frames.
local anabranch = require("anabranch")

anabranch.run(function()
	anabranch.load(anabranch.flows, 64)
	anabranch.rate(100)
	local sent, received = anabranch.speed(anabranch.seconds)
	anabranch.report("test", "throughput", "flows", anabranch.flows, "sent_per_s", sent, "received_per_s", received)
end)
