-- SPDX-License-Identifier: BSD-3-Clause
-- What the scripts beside this one share, for pktgen-dpdk 23.06 and later, built with Lua. Settings come from the
-- environment, so that one script serves any bench:
--
--   PKTGEN_PORT      port that faces the load balancer (0)
--   PKTGEN_MAC       the load balancer's MAC address (02:70:63:61:70:00)
--   PKTGEN_VIP       virtual address (10.90.0.10), an UDP listener at PKTGEN_VIP_PORT (80)
--   PKTGEN_CLIENTS   first of the clients' addresses (10.64.0.1); PKTGEN_FLOWS of them (4096), each one flow
--   PKTGEN_SECONDS   how long a measurement takes, at least 3 (5): pktgen reads its counters once a second
--   PKTGEN_LOSS_PPM  of a million packets, how many a trial of no_drop_rate.lua may lose (0, as RFC 2544 has it)
--   PKTGEN_RESULT    file for the results, one JSON object a line (standard output)
--
-- pktgen must have been started in the directory of these files, or with LUA_PATH="…/scripts/pktgen/?.lua".

local anabranch = {}

local function setting(name, default)
	local value = os.getenv("PKTGEN_" .. name)
	if value == nil or value == "" then
		return default
	end
	return value
end

local function whole_number(name, default, low, high)
	local text = setting(name, tostring(default))
	local value = math.tointeger(tonumber(text))
	if value == nil or value < low or value > high then
		error(string.format("PKTGEN_%s: expected a whole number from %d to %d, found '%s'", name, low, high, text), 0)
	end
	return value
end

anabranch.port = whole_number("PORT", 0, 0, 31)
anabranch.flows = whole_number("FLOWS", 4096, 1, 1 << 24)
anabranch.seconds = whole_number("SECONDS", 5, 3, 3600)
anabranch.loss_ppm = whole_number("LOSS_PPM", 0, 0, 1000000)
anabranch.mac = setting("MAC", "02:70:63:61:70:00")
anabranch.vip = setting("VIP", "10.90.0.10")
anabranch.vip_port = whole_number("VIP_PORT", 80, 1, 65535)
anabranch.clients = setting("CLIENTS", "10.64.0.1")
anabranch.key = tostring(anabranch.port)

local SETTLE_MS = 2500 -- two readings of the counters, and a bit
local LINK_WAIT_MS = 30000

-- The address 'n' after a dotted one.
local function address_after(text, n)
	local a, b, c, d = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
	if a == nil then
		error(string.format("expected an IPv4 address, found '%s'", text), 0)
	end
	local sum = (((a * 256) + b) * 256 + c) * 256 + d + n
	sum = math.tointeger(sum)
	return string.format("%d.%d.%d.%d", sum >> 24 & 255, sum >> 16 & 255, sum >> 8 & 255, sum & 255)
end

-- One field of the range that packets run through: all values from 'first' to 'last'.
local function range(set, first, last, step)
	set(anabranch.key, "start", first)
	set(anabranch.key, "min", first)
	set(anabranch.key, "max", last)
	set(anabranch.key, "inc", step)
end

-- UDP packets of 'size' bytes, frame check sequence included, of so many flows: one client address each.
function anabranch.load(flows, size)
	local p = anabranch.key
	pktgen.stop(p)
	pktgen.clear(p)
	pktgen.set_range(p, "off")
	pktgen.set(p, "count", 0)
	pktgen.set(p, "burst", 32)
	range(pktgen.range.dst_mac, anabranch.mac, anabranch.mac, "00:00:00:00:00:00")
	range(pktgen.range.dst_ip, anabranch.vip, anabranch.vip, "0.0.0.0")
	range(pktgen.range.src_ip, anabranch.clients, address_after(anabranch.clients, flows - 1), flows > 1 and "0.0.0.1" or "0.0.0.0")
	pktgen.range.ip_proto(p, "udp")
	range(pktgen.range.src_port, 20000, 20000, 0)
	range(pktgen.range.dst_port, anabranch.vip_port, anabranch.vip_port, 0)
	range(pktgen.range.pkt_size, size, size, 0)
	pktgen.set_range(p, "on")
end

-- Percent of the link's speed, as pktgen takes it: more than 0, at most 100.
function anabranch.rate(percent)
	pktgen.set(anabranch.key, "rate", percent)
end

local function counters()
	local s = pktgen.portStats(anabranch.key, "port")[anabranch.port]
	return s.opackets, s.ipackets
end

-- Sends for so long. Returns how many packets were sent and how many came back, all that were still on their way included.
function anabranch.trial(seconds)
	local sent, received = counters()
	pktgen.start(anabranch.key)
	pktgen.delay(seconds * 1000)
	pktgen.stop(anabranch.key)
	pktgen.delay(SETTLE_MS)
	local sent_after, received_after = counters()
	return sent_after - sent, received_after - received
end

-- Packets a second there and back, while sending, after a warm-up that makes the flows.
function anabranch.speed(seconds)
	anabranch.report("test", "sending")
	pktgen.start(anabranch.key)
	pktgen.delay(SETTLE_MS)
	local sent, received = counters()
	pktgen.delay(seconds * 1000)
	local sent_after, received_after = counters()
	pktgen.stop(anabranch.key)
	pktgen.delay(SETTLE_MS)
	return (sent_after - sent) / seconds, (received_after - received) / seconds
end

-- A result: names and values of one JSON object.
function anabranch.report(...)
	local fields, parts = { ... }, {}
	for i = 1, #fields, 2 do
		local value = fields[i + 1]
		local json = type(value) == "number" and string.format("%.6g", value) or string.format("%q", value)
		if math.type(value) == "integer" then
			json = tostring(value)
		end
		parts[#parts + 1] = string.format("%q: %s", fields[i], json)
	end
	local line = "{" .. table.concat(parts, ", ") .. "}\n"
	local path = setting("RESULT", nil)
	local file = path and assert(io.open(path, "a")) or io.stdout
	file:write(line)
	if path then
		file:close()
	end
end

-- pktgen learns of a link only while it shows a page of statistics: what says that there is one is packets that leave.
local function wait_for_link()
	local sent = counters()
	anabranch.load(1, 64)
	anabranch.rate(1)
	pktgen.start(anabranch.key)
	for _ = 1, LINK_WAIT_MS / 500 do
		pktgen.delay(500)
		if counters() > sent then
			pktgen.stop(anabranch.key)
			return
		end
	end
	error(string.format("nothing can be sent out of port %d: is its link up?", anabranch.port), 0)
end

-- Runs a script's body when the port has a link, and ends pktgen, also after an error. The first result says that pktgen is
-- ready for a peer to connect.
function anabranch.run(body)
	pktgen.screen("off")
	anabranch.report("test", "ready")
	local ok, why = pcall(function()
		wait_for_link()
		body()
	end)
	if not ok then
		anabranch.report("error", tostring(why))
	end
	pktgen.stop(anabranch.key)
	pktgen.quit()
end

return anabranch
