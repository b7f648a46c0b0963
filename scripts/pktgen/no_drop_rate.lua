-- SPDX-License-Identifier: BSD-3-Clause
-- The no-drop rate in the manner of RFC 2544 section 26.1: for each frame size, the highest rate at which a trial
-- loses nothing, found by halving the interval; repeated at the rate found. Trials take PKTGEN_SECONDS, which the RFC
-- wants to be 60.
local anabranch = require("anabranch")

local SIZES = { 64, 128, 256, 512, 1024, 1280, 1518 }
local RESOLUTION = 1 -- percent of the link's speed

local function loses(percent)
	anabranch.rate(percent)
	local sent, received = anabranch.trial(anabranch.seconds)
	return sent == 0 or (sent - received) * 1000000 > sent * anabranch.loss_ppm, sent
end

local function search()
	local low, high, best = 0, 100, nil
	local try = high
	while high - low > RESOLUTION do
		local lost, sent = loses(try)
		if lost then
			high = try
		else
			low, best = try, sent
			if try == high then
				break
			end
		end
		try = (low + high) / 2
	end
	return low, best
end

anabranch.run(function()
	for _, size in ipairs(SIZES) do
		anabranch.load(anabranch.flows, size)
		anabranch.rate(1)
		anabranch.trial(3) -- makes the flows
		local percent, sent = search()
		local lost = percent == 0 or loses(percent)
		anabranch.report("test", "no_drop_rate", "frame_bytes", size, "flows", anabranch.flows, "percent", percent,
			"loss_ppm", anabranch.loss_ppm, "packets_per_s", sent and sent / anabranch.seconds or 0, "held_again", lost and "no" or "yes")
	end
end)
