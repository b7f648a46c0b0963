# SPDX-License-Identifier: BSD-3-Clause
"""Floods beside established flows: these keep their targets, new ones still get in, and the counters say what came.

The flow table is small, so that floods fill it and evict. What a flood costs is printed beside the same flows without
it; the bounds are for a machine of two shared cores, where the flood's sender, the targets and the clients compete with
the dataplane for CPU time.
"""
import json
import os
import re
import select
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from flood import write_frames
from flood_frames import ACK, NEVER_OURS, SYN, TO_KERNEL, TO_TARGET, Flood, odd_frames

SUPPORT = Path(__file__).resolve().parent.parent / "support"
PYTHON = "/usr/bin/python3"
VIP4, VIP6 = "10.90.0.10", "fd90::10"
CAPACITY = {"ipv4_flows": 4096, "ipv6_flows": 1024}
STEADY = {f"tcp:{VIP4}:80": 120, f"udp:{VIP4}:7": 40, f"tcp:[{VIP6}]:80": 20, f"udp:[{VIP6}]:7": 10}
CALM_S, FLOOD_S, RATE = 1.0, 2.0, 20_000
NEW_RATE = 20  # new connections a second beside a flood
FRAMES = int(FLOOD_S * RATE)  # one of each, so that none is another's retransmission
CLOSED = 9  # a port without a listener


@pytest.fixture(scope="module", autouse=True)
def services(lab):
    path = Path(lab.env["configs"]["dataplane"])
    config = json.loads(path.read_text())
    config["flow_table"] |= CAPACITY
    path.write_text(json.dumps(config))
    lab.run("stop", "dataplane")
    lab.run("start", "dataplane")
    lab.wait(lambda: lab.rpc("Status")["dataplane"]["attached"], 10, "the control plane to attach again")
    # The targets' answers to spoofed sources go the client's way, which drops them; and the targets answer without keeping
    # state, or what they send again would run on into the next test.
    lab.on("lb", "ip", "route", "add", "default", "via", "10.0.0.2")
    lab.on("lb", "ip", "-6", "route", "add", "default", "via", "fd00::2")
    for target in ("t1", "t2", "t3", "t4"):
        lab.on(target, "sysctl", "-qw", "net.ipv4.tcp_syncookies=2")
    for family in ("ipv4", "ipv6"):
        lab.web_and_echo(family)
    lab.service("perf", "TCP", 5201, lab.targets()[:1])
    lab.wait_healthy("perf")
    time.sleep(0.3)  # what ends these connections is not counted into the first test


@pytest.fixture(scope="module")
def macs(lab):
    """Of the client, and of the load balancer's port before it."""
    return [bytes.fromhex(lab.on(host, "ip", "-br", "link", "show", interface).split()[2].replace(":", ""))
            for host, interface in (("client", "eth0"), ("lb", "front"))]


class Steady:
    """tests/support/steady.py on the client."""

    READY_S = 30

    def __init__(self, lab):
        self.process = lab.background("client", PYTHON, SUPPORT / "steady.py", "--rate", "5",
                                      *(f"{flow}:{n}" for flow, n in STEADY.items()), stdin=subprocess.PIPE)
        said, _, _ = select.select([self.process.stdout], [], [], self.READY_S)
        if not said or self.process.stdout.readline() != "ready\n":
            self.process.kill()
            raise AssertionError(f"not every flow was answered within {self.READY_S} s: {self.process.communicate()[1]}")

    def window(self, seconds=None):
        """What became of the requests since the last window; of so many seconds from now."""
        if seconds is not None:
            self.window()
            time.sleep(seconds)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        """At the end of its input it ends by itself."""
        try:
            self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise


@pytest.fixture(scope="module")
def steady(lab):
    flows = Steady(lab)
    yield flows
    flows.end()


def gained(lab, before=None):
    """Counters and drops by reason, less those of 'before'."""
    counters, drops = lab.counters()
    now = Counter(counters), Counter({d["reason"]: d["packets"] for d in drops})
    return now if before is None else [Counter({k: v - b[k] for k, v in n.items() if v != b[k]}) for n, b in zip(now, before)]


def missed(lab):
    """What the client's side lost before the dataplane: known a second later."""
    return next(p["rx_missed"] for p in lab.rpc("Status")["dataplane"]["ports"] if p["name"] == "front")


def flood(lab, frames, **options):
    path = Path(lab.env["run_dir"]) / "flood.frames"
    write_frames(path, frames)
    return json.loads(lab.on("client", PYTHON, SUPPORT / "flood.py", "eth0", path, *(f"--{k}={v}" for k, v in options.items())))


def test_every_odd_frame_is_counted_by_its_name(lab, macs):
    """Each kind twelve times, few enough to wait in a queue until a worker is scheduled: the counts are exact."""
    kinds = odd_frames(*macs, VIP4, VIP6, {"udp": 7, "tcp": 80}, CLOSED)
    before, times = gained(lab), 12
    sent = flood(lab, [frame for _, frame, _ in kinds] * times, packets=len(kinds) * times)["sent"]
    assert sent == len(kinds) * times
    verdicts = Counter(verdict for _, _, verdict in kinds)
    received = (len(kinds) - verdicts[NEVER_OURS]) * times

    def all_were_received():
        counters = gained(lab, before)[0]  # what the targets answer is received, too
        return counters["received"] - counters["to_client"] >= received
    lab.wait(all_were_received, 5, lambda: f"{received} frames beside the targets' answers: {gained(lab, before)}")
    time.sleep(0.2)  # nothing else comes
    counters, drops = gained(lab, before)
    wanted = Counter({v: n * times for v, n in verdicts.items() if v not in (NEVER_OURS, TO_KERNEL, TO_TARGET)})
    assert drops == wanted, f"dropped for other reasons than sent for: {drops - wanted} but not {wanted - drops}"
    assert counters["to_target"] == verdicts[TO_TARGET] * times
    assert counters["kernel"] == verdicts[TO_KERNEL] * times
    assert counters["received"] == received + counters["to_client"], "no frame but these, and the targets' answers"


def test_what_is_lost_before_the_dataplane_is_counted_too(lab, macs):
    """A dataplane that does not come to read its queue, for half a second."""
    pid = json.loads(lab.run("env"))["running"]["dataplane"]
    source, before, missed_before = Flood(*macs, VIP4, VIP6), gained(lab), missed(lab)
    os.kill(pid, signal.SIGSTOP)
    try:
        sent = flood(lab, [source.udp(CLOSED)], packets=10_000, rate=30_000)["sent"]
    finally:
        os.kill(pid, signal.SIGCONT)
    lab.wait(lambda: gained(lab, before)[1]["no_listener"] + missed(lab) - missed_before >= sent, 5, "all to be counted")
    counters, drops = gained(lab, before)
    assert drops == {"no_listener": counters["received"]} and counters["received"] + missed(lab) - missed_before == sent
    assert missed(lab) > missed_before, "the queue is shorter than the flood"


def as_flow(counters, drops):
    return counters["flows_new"] + drops["flow_table_full"]


def all_of(*reasons):
    return lambda counters, drops: sum(drops[r] for r in reasons)


def dropped(counters, drops):
    return sum(drops.values())


def garbage(macs):
    """Three of four with a known fault, and random bytes."""
    broken = [frame for _, frame, verdict in odd_frames(*macs, VIP4, VIP6, {"udp": 7, "tcp": 80}, CLOSED)
              if verdict not in (NEVER_OURS, TO_KERNEL, TO_TARGET)]
    return lambda source: source.rng.choice(broken) if source.rng.random() < 0.75 else source.noise()


# name: frames, and what they are counted as
FLOODS = {
    "SYNs of spoofed sources": (lambda macs: lambda source: source.tcp(80, SYN), as_flow),
    "SYNs of spoofed IPv6 sources": (lambda macs: lambda source: source.tcp6(80, SYN), as_flow),
    "ACKs of spoofed sources": (lambda macs: lambda source: source.tcp(80, ACK), as_flow),
    "UDP to all ports": (lambda macs: lambda source: source.udp(source.rng.randrange(CLOSED, 65536)), all_of("no_listener")),
    "UDP to a listener": (lambda macs: lambda source: source.udp(7), as_flow),
    "fragments": (lambda macs: Flood.fragment, all_of("fragment")),
    "garbage": (garbage, dropped),
}


def report(what, calm, during, new, lost):
    """For 'pytest -s', and with a failure."""
    times = during["median_ms"] / max(calm["median_ms"], 0.01)
    print(f"\n{what}\n  {during['flows']} established flows: {during['answered']} of {during['asked']} "
          f"answered, {during['moved']} moved, {during['reset'] + during['closed']} ended, {during['lost']} datagrams lost; "
          f"median {calm['median_ms']} -> {during['median_ms']} ms (x {times:.1f}), "
          f"p99 {calm['p99_ms']} -> {during['p99_ms']} ms\n  new connections: {new['requests'] - new['failed']} of "
          f"{new['requests']}, slowest {new['slowest_ms']} ms\n  lost before the dataplane: {lost:,} packets")


def assert_untouched(during):
    """No flow moved or ended. What a queue loses that runs over is sent again, later: few wait for that at any time."""
    assert during["moved"] == during["wrong"] == during["reset"] == during["closed"] == 0, during
    assert during["stalled"] <= 0.1 * during["flows"], during
    assert during["answered"] >= 0.75 * during["asked"], during
    assert during["lost"] <= 0.1 * during["asked"], during
    assert during["median_ms"] < 1000, during


def assert_new_get_in(new):
    assert new["requests"] >= 10 and new["failed"] <= 0.1 * new["requests"], new


@pytest.mark.parametrize("kind", FLOODS)
def test_flood_beside_established_flows(lab, macs, steady, kind):
    maker, counted_as = FLOODS[kind]
    make, source = maker(macs), Flood(*macs, VIP4, VIP6, seed=kind)
    frames = [make(source) for _ in range(FRAMES)]
    calm = steady.window(CALM_S)
    before, missed_before = gained(lab), missed(lab)
    load = lab.load_in_background("http", f"{VIP4}:80", rate=NEW_RATE, seconds=FLOOD_S, timeout=8)
    steady.window()
    sent = flood(lab, frames, packets=int(FLOOD_S * RATE), rate=RATE, seconds=20)  # later where others have the CPUs
    during = steady.window()
    new = json.loads(load.communicate(timeout=30)[0])
    time.sleep(1.1)  # missed() is a second old
    (counters, drops), lost = gained(lab, before), missed(lab) - missed_before
    counted = counted_as(counters, drops)
    report(f"{kind}: {sent['sent'] / sent['seconds']:,.0f} packets/s, {sent['sent']:,} sent, {counted:,} counted as such, "
           f"{counters['flows_evicted']:,} flows evicted", calm, during, new, lost)
    assert_untouched(during)
    assert_new_get_in(new)
    # of random bytes, some are sound and some are nobody's
    assert (0.7 if kind == "garbage" else 0.99) * sent["sent"] <= counted + lost, (counted, lost, sent, counters, drops)
    assert counted <= sent["sent"] + 5 * new["requests"], (counted, sent, counters, drops)
    if counted_as is as_flow:
        assert counters["flows_evicted"] >= counters["flows_new"] - CAPACITY["ipv4_flows"]
        assert counters["flows_evicted"] > 0 or lost > 0.8 * sent["sent"], "the table is smaller than the flood"
        assert drops["flow_table_full"] <= 0.02 * sent["sent"], "spoofed sources must not keep others out"


def test_elephant_beside_established_flows(lab, steady):
    """One connection as fast as it goes: its segments queue before the others' requests, and no flow is made or moved."""
    calm = steady.window(CALM_S)
    before, missed_before = gained(lab), missed(lab)
    load = lab.load_in_background("http", f"{VIP4}:80", rate=NEW_RATE, seconds=FLOOD_S, timeout=8)
    steady.window()
    elephant = json.loads(lab.on("client", "iperf3", "-c", VIP4, "-t", FLOOD_S, "--json"))["end"]
    during = steady.window()
    new = json.loads(load.communicate(timeout=30)[0])
    counters, drops = gained(lab, before)
    size = elephant["sum_received"]["bytes"]
    report(f"elephant: {size * 8 / FLOOD_S / 1e6:,.0f} Mbit/s, {counters['to_target']:,} packets to targets", calm, during, new,
           missed(lab) - missed_before)
    assert_untouched(during)
    assert_new_get_in(new)
    assert size > 1 << 20 and counters["to_target"] > size // 1500, (size, counters)
    assert counters["flows_new"] <= 2 * new["requests"] + 2, "iperf3 has two connections"
    assert set(drops) <= {"tx_full"}, drops


def test_operator_sees_the_flood(lab, macs, steady):
    """In words: what is full, what had to go, which listener it is; and the log stays as it was."""
    logs = [Path(lab.env["logs"][program]) for program in ("dataplane", "controlplane")]
    lines = [len(log.read_text().splitlines()) for log in logs]
    source = Flood(*macs, VIP4, VIP6, seed="operator")
    path = Path(lab.env["run_dir"]) / "flood.frames"
    write_frames(path, [source.tcp(80, SYN) for _ in range(FRAMES)])
    running = lab.background("client", PYTHON, SUPPORT / "flood.py", "eth0", path, "--seconds=15", f"--rate={RATE}")

    def shown():
        return lab.on("lb", lab.env["cli"], "status")

    def line(text, begin):
        return next((line for line in text.splitlines() if line.startswith(begin)), "")

    def evicted(text):
        found = re.search(r"IPv4 is full: per second, ([\d.]+)( k)? half-open", line(text, "! flow table"))
        return float(found[1]) * (1000 if found[2] else 1) if found else 0

    def tells_of_it():
        text = shown()
        return text if evicted(text) > 1000 else None

    try:
        text = lab.wait(tells_of_it, 10, "the status to tell of the flood")
    finally:
        running.terminate()
        running.communicate(timeout=10)
    print("\n" + text)
    problem = line(text, "! flow table")
    assert "established flows stay" in problem and "most new flows come to lab:80 (TCP)" in problem
    assert re.fullmatch(r"flow table     40\d\d of 4096 IPv4 flows, \d+ of 1024 IPv6 flows; .* a second made room for others",
                        line(text, "flow table"))
    assert [len(log.read_text().splitlines()) for log in logs] == lines, "a flood must not fill the log"
    assert_untouched(steady.window())
