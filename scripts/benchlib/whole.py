# SPDX-License-Identifier: BSD-3-Clause
"""The whole program beside dpdk-testpmd's 5tswap: the same virtual device, the same packets, in turn.

Both processes are there at the same time; the one that is not measured is stopped (SIGSTOP). Figures are processor time
of the worker thread for each packet forwarded, so that what else runs on the machine does not count.
"""
import os
import signal
import statistics
import time
from contextlib import contextmanager
from dataclasses import dataclass

import flows
import generator
import testpmd
from balancer import MAC, Balancer, flow_table
from support import BenchError, say, summary, wait, waited_ns
from testpmd import Testpmd

RUNS = 5
PAIRS = 3  # of a run on net_pcap: short ones in turn, since neighbours of the machine come and go by seconds
SPARE_MBUFS = 16384
LOST_AT_MOST = 0.001  # of the packets of a run; more, and the figure would be about something else
GOAL = 0.6
# On memif, cost is compared where both were kept busy: there was always a packet for them, as
STARVED = 0.05  # - of polls that found nothing there were no more than so many for each packet (known of the program alone)
REFUSED = 0.01  # - and the generator had no room for so large a share of its packets at least,
WAITED = 0.03  # - and waited for its processor for so large a share of the time at most, in which they polled for nothing


@contextmanager
def running_alone(process, others):
    """Only 'process' runs, its peers are stopped."""
    for other in others:
        os.kill(other.pid, signal.SIGSTOP)
    try:
        yield process
    finally:
        for other in others:
            os.kill(other.pid, signal.SIGCONT)


def cost(process, seconds):
    """Nanoseconds of the worker's processor time for a packet."""
    packets, ns = process.packets()
    time.sleep(seconds)
    packets_after, ns_after = process.packets()
    if packets_after == packets:
        raise BenchError(f"process {process.pid} forwarded nothing in {seconds} s")
    return (ns_after - ns) / (packets_after - packets)


def lossless(balancer, seconds):
    """cost(), after which all packets must have been forwarded."""
    before, drops = balancer.counters(), balancer.drops()
    ns = cost(balancer, seconds)
    received = balancer.counters()["received"] - before["received"]
    lost = {reason: n - drops.get(reason, 0) for reason, n in balancer.drops().items() if n > drops.get(reason, 0)}
    if sum(lost.values()) > received * LOST_AT_MOST:
        raise BenchError(f"the load balancer dropped packets that it should have forwarded: {lost} of {received}")
    return ns


def record(result, device, v6, nb_flows, runs):
    """One cell and its reference. 'runs' are pairs: the program, testpmd."""
    family = "ipv6" if v6 else "ipv4"
    ours, theirs = summary(r[0] for r in runs), summary(r[1] for r in runs)
    ratio = round(theirs["ns_per_packet"] / ours["ns_per_packet"], 3)
    result["references"].append({"name": f"5tswap {device}", "family": family, "flows": nb_flows} | theirs)
    result["cells"].append({"name": f"program {device}", "family": family, "direction": "both", "flows": nb_flows, "workers": 1}
                           | ours | {"ratio_to_testpmd": ratio})
    say(f"{device}, {family}, {nb_flows} flows: {ours['ns_per_packet']:.1f} ns, testpmd {theirs['ns_per_packet']:.1f} ns a packet")
    return ratio


# ---- net_pcap ----

def pcap_cell(setting, result, v6, nb_flows):
    seconds = (0.4 if setting.quick else 1.0) / PAIRS
    load = setting.scratch / "load.pcap"
    mbufs = 2 * nb_flows + SPARE_MBUFS
    setting.flow_file.unlink(missing_ok=True)
    with Balancer(setting.cpus, flow_table(setting.flow_file, v6, nb_flows), mbufs) as balancer:
        flows.write_packets(load, v6, flows.establish(balancer, v6, nb_flows))
        device = f"net_pcap0,rx_pcap={load},infinite_rx=1"
        runs = []
        for _ in range(RUNS):  # each with processes of its own: where their memory lies makes some per cent
            balancer.start(device)
            with Testpmd("5tswap", [device], setting.cpus, mbufs, setting.scratch / "5tswap.log", setting.huge) as swap:
                with running_alone(balancer, [swap]):
                    balancer.wait_for_traffic()
                for _ in range(PAIRS):
                    with running_alone(balancer, [swap]):
                        ours = lossless(balancer, seconds)
                    with running_alone(swap, [balancer]):
                        runs.append((ours, cost(swap, seconds)))
    return record(result, "net_pcap", v6, nb_flows, runs)


def measure_pcap(setting, result):
    if not testpmd.available():
        return
    cells = [(False, 4096)] if setting.quick else [(False, 4096), (False, 65536), (True, 4096)]
    ratios = {cell: pcap_cell(setting, result, *cell) for cell in cells}
    measured = ratios[False, 4096]
    result["goals"].append({"name": "whole program on net_pcap, IPv4, 4 Ki flows: to testpmd 5tswap", "measured": measured,
                            "limit": GOAL, "at": "least", "unit": "x", "holds": measured >= GOAL})


# ---- memif ----

def memif_client(socket, number=0):
    return f"net_memif{number},role=client,id={number},socket={socket},socket-abstract=no,mac={MAC}"


@dataclass
class Loaded:
    """A cost under a generator, and what shows whether there was always a packet."""
    ns: float
    refused: float  # share of the generator's packets that found no room
    waited: float  # share of the time in which the generator waited for its processor
    empty_polls: float = 0  # for each packet


def loaded(process, sending, seconds):
    (offered, taken), waited, start = sending.offered(), waited_ns(sending.pid, sending.thread), time.monotonic_ns()
    ns = cost(process, seconds)
    passed, waited = time.monotonic_ns() - start, waited_ns(sending.pid, sending.thread) - waited
    offered, taken = (after - before for after, before in zip(sending.offered(), (offered, taken)))
    return Loaded(ns, 1 - taken / offered if offered else 0, waited / passed)


def memif_ours(balancer, sending, socket, seconds):
    balancer.start(memif_client(socket))
    sending.wait()
    balancer.wait_for_traffic()
    before = balancer.counters()
    run = loaded(balancer, sending, seconds)
    after = balancer.counters()
    balancer.stop_dataplane()
    run.empty_polls = (after["polls_empty"] - before["polls_empty"]) / (after["received"] - before["received"])
    return run


def memif_theirs(setting, sending, socket, seconds):
    with Testpmd("5tswap", [memif_client(socket)], setting.cpus, SPARE_MBUFS, setting.scratch / "5tswap.log",
                 setting.huge) as swap:
        sending.wait()
        before = swap.packets()[0]
        wait("testpmd forwards what comes over memif", lambda: swap.packets()[0] > before, 20)
        return loaded(swap, sending, seconds)


def kept_busy(ours, theirs):
    """Medians of what shows it, under their names in the JSON; and whether it does."""
    shown = {"empty_polls_per_packet": statistics.median(run.empty_polls for run in ours),
             "refused": statistics.median(run.refused for run in ours),
             "refused_by_testpmd": statistics.median(run.refused for run in theirs),
             "generator_waited": max(statistics.median(run.waited for run in runs) for runs in (ours, theirs))}
    return {key: round(value, 3) for key, value in shown.items()}, (
        shown["empty_polls_per_packet"] <= STARVED and min(shown["refused"], shown["refused_by_testpmd"]) >= REFUSED and
        shown["generator_waited"] <= WAITED)


def memif_cell(setting, result, nb_flows):
    """Generator on the first processor, what it loads on the last; both are started anew for each run, because a
    memif client can't start before its server."""
    seconds = 0.4 if setting.quick else 1.0
    load, socket = setting.scratch / "load.pcap", setting.scratch / "memif.sock"
    mbufs = 2 * nb_flows + SPARE_MBUFS
    setting.flow_file.unlink(missing_ok=True)
    ours, theirs = [], []
    with Balancer(setting.cpus, flow_table(setting.flow_file, False, nb_flows), SPARE_MBUFS) as balancer:
        flows.write_packets(load, False, flows.establish(balancer, False, nb_flows))
        balancer.stop_dataplane()
        source = generator.choose(setting, load, socket, nb_flows, mbufs)
        for _ in range(RUNS):
            with source() as sending:
                ours.append(memif_ours(balancer, sending, socket, seconds))
            with source() as sending:
                theirs.append(memif_theirs(setting, sending, socket, seconds))
    record(result, "memif", False, nb_flows, [(a.ns, b.ns) for a, b in zip(ours, theirs)])
    shown, busy = kept_busy(ours, theirs)
    cell = result["cells"][-1]
    cell |= {"direction": sending.direction, "generator": sending.name} | shown
    if not busy:
        cell["ratio_to_testpmd"] = cell["ratio_to_touch"] = None
        setting.leave_out("a comparison on memif: it is not shown that the generator kept both busy, and what they did without "
                          "packets may be in the figures")


def measure_memif(setting, result):
    if setting.pair:
        memif_cell(setting, result, 4096)
