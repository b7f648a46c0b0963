# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench: what it refuses, what it says, and that a small run yields what is promised."""
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from argparse import Namespace
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parent.parent.parent
BENCH = TREE / "scripts" / "bench"
NR_HUGEPAGES = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
CELL_KEYS = {"name", "family", "direction", "flows", "workers", "ns_per_packet", "mpps", "ratio_to_touch", "min", "max", "runs"}

sys.path.insert(0, str(TREE / "scripts" / "benchlib"))
needs_testpmd = pytest.mark.skipif(shutil.which("dpdk-testpmd") is None,
                                   reason="dpdk-testpmd (Debian's package dpdk-dev) is not on PATH")

import latency  # noqa: E402
import leftovers  # noqa: E402
import machine  # noqa: E402
import memory  # noqa: E402
import packets  # noqa: E402
import plot  # noqa: E402
import report  # noqa: E402
import whole  # noqa: E402


PROGRAM = runpy.run_path(str(BENCH))


@pytest.fixture(scope="module", autouse=True)
def built():
    """So that no run waits for the compiler."""
    PROGRAM["build"]()


def one_processor():
    return ["taskset", "-c", str(min(os.sched_getaffinity(0)))]


@contextmanager
def started(*args, wrapper=(), **options):
    """Runs it in a session of its own, and sees to its end."""
    with subprocess.Popen([*wrapper, BENCH, *map(str, args)], text=True, stdin=subprocess.DEVNULL, start_new_session=True,
                          **options) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def bench(*args, wrapper=(), timeout=120):
    """Runs it to its end. The result has its process id too."""
    with started(*args, wrapper=wrapper, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        out, err = process.communicate(timeout=timeout)
    done = subprocess.CompletedProcess(args, process.returncode, out, err)
    done.pid = process.pid
    return done


@contextmanager
def measuring(part, err, *args):
    """One that has come to the middle of this part; what it says goes to the file 'err'."""
    with open(err, "w") as file, started("--part", part, *args, stdout=subprocess.DEVNULL, stderr=file) as process:
        until = time.monotonic() + 120
        while f"part {part}" not in err.read_text():
            assert process.poll() is None and time.monotonic() < until, err.read_text()
            time.sleep(0.1)
        time.sleep(1.5)
        assert process.poll() is None, err.read_text()
        yield process


def processes(session):
    """The command lines of those that live in it."""
    lines = subprocess.run(["ps", "-o", "stat=,args=", "-s", str(session)], text=True, capture_output=True, check=False).stdout
    return [line for line in lines.splitlines() if not line.startswith("Z")]


def left_behind(pid):
    """What the run with this process id, and session, made and did not take away again."""
    name = f"anabranch-bench-{pid}-"
    return (processes(pid) + [line for line in Path("/proc/mounts").read_text().splitlines() if name in line] +
            [p for place in ("/run/netns", "/dev/shm", "/run/dpdk") for p in Path(place).glob(f"{name}*")])


# ---- arguments ----

@pytest.mark.parametrize("args, message", [
    (["--fast"], "unrecognized arguments: --fast"),
    (["--part", "nothing"], "invalid choice: 'nothing' (choose from 'memory', 'pcap', 'memif', 'latency')"),
    (["--json"], "argument --json: expected one argument"),
    (["--json", "/nonexistent/x.json"], "'/nonexistent/x.json' can't be written: expected a file in a directory that exists"),
    (["--json", "/"], "'/' can't be written"),
    (["--plot", "/tmp/x.png"], "'/tmp/x.png': expected a name that ends in .svg"),
    (["--plot", "/tmp/x.svg", "--part", "pcap"], "--plot draws what the part 'memory' measures"),
])
def test_wrong_arguments_are_refused_before_anything_is_done(args, message):
    done = bench(*args, timeout=10)
    assert done.returncode == 2
    assert message in done.stderr and "usage: bench" in done.stderr
    assert "building" not in done.stderr


def test_without_root_it_says_so():
    done = bench("--quick", wrapper=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"], timeout=10)
    if "Permission denied" in done.stderr:
        pytest.skip("this tree can't be read by another user")
    assert done.returncode == 1
    assert "not root: run it with sudo" in done.stderr


# ---- runs ----

@needs_testpmd
def test_a_small_run_yields_what_is_promised_and_leaves_nothing_behind(tmp_path):
    pages = NR_HUGEPAGES.read_text()
    done = bench("--quick", "--part", "pcap", "--json", tmp_path / "out.json")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "out.json").read_text())
    assert set(result) == {"machine", "references", "cells", "latency", "goals", "left_out", "errors"}
    cell, reference = result["cells"][0], result["references"][0]
    assert CELL_KEYS <= set(cell)
    assert (cell["name"], cell["family"], cell["flows"], cell["workers"]) == ("program net_pcap", "ipv4", 4096, 1)
    assert cell["runs"] >= 5 and 0 < cell["min"] <= cell["ns_per_packet"] <= cell["max"]
    assert cell["ratio_to_testpmd"] == pytest.approx(reference["ns_per_packet"] / cell["ns_per_packet"], rel=0.01)
    assert cell["ratio_to_touch"] is None, "touch was not measured"
    goal = result["goals"][0]
    assert goal["limit"] == 0.6 and goal["holds"] == (goal["measured"] >= 0.6)
    assert result["machine"]["cpus"] == len(os.sched_getaffinity(0))
    assert ("held" if goal["holds"] else "MISSED") in done.stdout
    assert (NR_HUGEPAGES.read_text(), left_behind(done.pid)) == (pages, [])


@needs_testpmd
def test_without_huge_pages_it_says_what_that_means_and_goes_on(tmp_path):
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    hidden = ["unshare", "--mount", "sh", "-c", f'mount --bind {nothing} /sys/kernel/mm/hugepages && exec "$@"', "sh"]
    done = bench("--quick", "--part", "pcap", wrapper=hidden)
    assert done.returncode == 0, done.stderr
    assert "left out: packets and tables in huge pages: 1024 MB in pages of 2 MiB are wanted and can't be had" in done.stderr
    assert "program net_pcap" in done.stdout and "Left out: packets and tables in huge pages" in done.stdout


def test_with_one_processor_it_leaves_out_what_needs_two():
    done = bench("--quick", "--part", "latency", "--part", "memif", wrapper=one_processor())
    assert done.returncode == 0, done.stderr
    assert "Left out: memif and latency: with one processor" in done.stdout
    assert "program memif" not in done.stdout


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="latency is left out: it needs two processors")
def test_a_part_that_fails_is_an_error_and_the_others_go_on(tmp_path):
    """A testpmd that ends at once, first on PATH."""
    broken = tmp_path / "dpdk-testpmd"
    broken.write_text("#!/bin/sh\necho it is broken\nexit 3\n")
    broken.chmod(0o755)
    done = bench("--quick", "--part", "latency", "--part", "pcap", "--json", tmp_path / "out.json",
                 wrapper=["env", f"PATH={tmp_path}:{os.environ['PATH']}"])
    assert done.returncode == 1
    assert all(f"bench: part {part} failed: " in done.stderr for part in ("pcap", "latency")), done.stderr
    assert "ended with 3" in done.stderr and "it is broken" in done.stderr
    assert len(json.loads((tmp_path / "out.json").read_text())["errors"]) == 2


@needs_testpmd
def test_an_interrupted_run_leaves_nothing_behind(tmp_path):
    pages = NR_HUGEPAGES.read_text()
    with measuring("pcap", tmp_path / "err") as process:
        assert left_behind(process.pid), "this test would find nothing"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
    assert "interrupted" in (tmp_path / "err").read_text()
    assert (NR_HUGEPAGES.read_text(), left_behind(process.pid)) == (pages, [])


@needs_testpmd
def test_what_a_killed_run_left_goes_at_the_next_start(tmp_path):
    pages = NR_HUGEPAGES.read_text()
    with measuring("pcap", tmp_path / "err") as process:
        process.kill()
        process.wait(60)
    until = time.monotonic() + 10
    while processes(process.pid):
        assert time.monotonic() < until, processes(process.pid)
    assert left_behind(process.pid), "a namespace, a mount, its directories"
    done = bench("--quick", "--part", "memif", wrapper=one_processor())
    assert done.returncode == 0, done.stderr
    assert f"removing /run/netns/anabranch-bench-{process.pid}-1, which a run left that was killed" in done.stderr
    assert (NR_HUGEPAGES.read_text(), left_behind(process.pid)) == (pages, [])


def test_what_belongs_to_a_process_that_lives_is_no_leftover(tmp_path, monkeypatch):
    with subprocess.Popen(["true"]) as ended:
        pass
    for name in (f"anabranch-bench-{os.getpid()}-1", f"anabranch-bench-{ended.pid}-1", f"anabranch-bench.{ended.pid}.log", "bench1-1"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(leftovers, "PLACES", [tmp_path, tmp_path / "nowhere"])
    assert list(leftovers.of_the_dead()) == [tmp_path / f"anabranch-bench-{ended.pid}-1"]


# ---- huge pages ----

@pytest.fixture
def pool(tmp_path, monkeypatch):
    """A pool of 100 huge pages, 40 of them free, in files of the test's own."""
    for name, number in (("nr_hugepages", 100), ("free_hugepages", 40)):
        (tmp_path / name).write_text(str(number))
    monkeypatch.setattr(machine, "POOL", tmp_path)
    return tmp_path / "nr_hugepages"


def test_huge_pages_are_given_back_when_interrupted_while_they_are_reserved(pool, monkeypatch):
    def set_pages(number):
        """The kernel leaves off in the middle of adding some."""
        adding = number > 100
        pool.write_text("105" if adding else str(number))
        if adding:
            raise KeyboardInterrupt

    monkeypatch.setattr(machine, "set_pages", set_pages)
    with pytest.raises(KeyboardInterrupt), machine.scratch() as scratch:
        machine.reserve(100 * machine.PAGE_MB, scratch)
    assert int(pool.read_text()) == 100


def test_of_huge_pages_only_those_are_given_back_that_were_added(pool):
    with machine.scratch() as scratch:
        assert not machine.reserve(50 * machine.PAGE_MB, scratch), "these files know of no free pages that were added"
        assert int(pool.read_text()) == 110
        pool.write_text("130")  # somebody else adds some too
    assert int(pool.read_text()) == 120


# ---- what is made of the figures ----

def measured():
    """What the program in memory prints, made up."""
    cells = [{"name": "hit", "family": family, "direction": direction, "flows": flows, "workers": 1, "ns_per_packet": ns,
              "min": ns - 1, "max": ns + 1, "runs": 5, "mpps": 1e3 / ns, "touch_ns": 4.0, "touch_min": 3.9, "touch_max": 4.2,
              "ratio_to_touch": ns / 4}
             for family, ns in (("ipv4", 12.0), ("ipv6", 15.0)) for direction in ("forward", "return") for flows in (1, 1 << 20)]
    return {"machine": {"cpu": "<&>", "tsc_hz": 1}, "cells": cells, "left_out": ["--quick: 10 Mi flows"],
            "references": [{"name": "table", "family": "ipv4", "flows": flows, "ns_per_packet": 6.0} for flows in (1, 1 << 20)],
            "goals": [{"name": "one", "measured": 3.0, "limit": 3.5, "at": "most", "unit": "x", "holds": True},
                      {"name": "other", "measured": 0.5, "limit": 0.6, "at": "least", "unit": "x", "holds": False}]}


@pytest.fixture
def result():
    made = {"machine": {"cpu": "", "cpus": 2, "memory_mb": 1, "kernel": "6", "commit": "c"}, "references": [],
            "cells": [], "latency": [], "goals": [], "left_out": [], "errors": ["latency: broken"]}
    memory.merge(made, measured())
    made["cells"].append({"name": "program net_pcap", "family": "ipv6", "direction": "both", "flows": 4096, "workers": 1,
                          "ns_per_packet": 40.0, "min": 39.0, "max": 41.0, "runs": 5, "mpps": 25.0})
    report.add_ratios(made)
    return made


def test_every_cell_has_its_ratio_to_touch(result):
    assert result["cells"][-1]["ratio_to_touch"] == 10.0
    touch = [r for r in result["references"] if r["name"] == "touch"]
    assert {(r["family"], r["flows"]) for r in touch} == {(family, flows) for family in ("ipv4", "ipv6") for flows in (1, 1 << 20)}
    assert all((r["min"], r["ns_per_packet"], r["max"], r["runs"]) == (3.9, 4.0, 4.2, 5) for r in touch)


def test_the_tables_have_a_verdict_for_each_goal(result):
    text = report.text(result)
    assert [line.split()[-1] for line in text.splitlines() if line.endswith(("held", "MISSED"))] == ["held", "MISSED"]
    assert "Left out: --quick: 10 Mi flows" in text and "Failed: latency: broken" in text
    assert "1 Mi" in text and "4 Ki" in text


def test_the_plot_is_sound_xml_with_a_curve_for_each_series(result):
    svg = xml.fromstring(plot.draw(result))
    space = "{http://www.w3.org/2000/svg}"
    assert len(svg.findall(f"{space}polyline")) == 4 + 2
    texts = [t.text for t in svg.findall(f"{space}text")]
    for label in ("IPv4 to target", "IPv6 to client", "bare table, prefetched", "touch: swap 5-tuple", "1 Mi"):
        assert label in texts
    right, bottom = (float(v) for v in svg.get("viewBox").split()[2:])
    for circle in svg.findall(f"{space}circle"):
        assert 0 < float(circle.get("cx")) < right and 0 < float(circle.get("cy")) < bottom


def test_what_can_not_be_written_does_not_take_the_rest_along(result, tmp_path, capsys):
    PROGRAM["hand_over"](Namespace(json=Path("/dev/full"), plot=tmp_path / "x.svg"), result)
    said = capsys.readouterr()
    assert "What it must show" in said.out
    assert "/dev/full can't be written: No space left on device" in said.err
    assert result["errors"][-1] == "/dev/full: No space left on device", "so it ends with 1"
    assert (tmp_path / "x.svg").read_text() == plot.draw(result)


def test_latency_is_the_median_of_the_runs_percentiles():
    reference = latency.row("macswap", [[1000] * 1000] * 5, None)
    assert reference["us"] == dict.fromkeys(("p50", "p90", "p99", "p99.9"), 1.0) and reference["added_us"] is None
    runs = [[1500] * 989 + [4000] * 10 + [9000]] * 3 + [[99000] * 1000] * 2
    row = latency.row("ours", runs, reference["us"])
    assert row["us"] == {"p50": 1.5, "p90": 1.5, "p99": 4.0, "p99.9": 4.0}
    assert row["added_us"] == {"p50": 0.5, "p90": 0.5, "p99": 3.0, "p99.9": 3.0}
    assert (row["runs"], row["packets"], row["max_us"]["p50"]) == (5, 5000, 99.0)


@pytest.mark.parametrize("ours, theirs, busy", [
    ({}, {}, True),
    ({"empty_polls": 0.06}, {}, False),
    ({"refused": 0.009}, {}, False),
    ({}, {"refused": 0}, False),  # pktgen, of which it is not known
    ({"waited": 0.04}, {}, False),
    ({}, {"waited": 0.04}, False),
])
def test_on_memif_both_must_have_been_kept_busy(ours, theirs, busy):
    quiet = {"ns": 50, "refused": 0.5, "waited": 0.001}
    shown, is_busy = whole.kept_busy(*([whole.Loaded(**quiet | special)] * 3 + [whole.Loaded(50, 0.5, 0)] * 2
                                       for special in (ours, theirs)))
    assert is_busy == busy
    assert shown == {"empty_polls_per_packet": ours.get("empty_polls", 0), "refused": ours.get("refused", 0.5),
                     "refused_by_testpmd": theirs.get("refused", 0.5),
                     "generator_waited": max(x.get("waited", 0.001) for x in (ours, theirs))}


@pytest.mark.parametrize("device, lost", [("net_ring0", 0), ("net_null0,no-rx=1", 5)])
def test_a_packet_that_is_lost_counts_with_the_time_it_was_waited_for(device, lost):
    """A wire that leads back, and one that ends in nothing."""
    done = subprocess.run([latency.PROBE, "--lcores", "0", "--no-pci", "--no-telemetry", "--no-shconf", "--no-huge", "-m", "128",
                           "--vdev", device], input=f"0 5 10 {bytes(60).hex()}\n", text=True, capture_output=True, timeout=60,
                          check=True)
    answer = json.loads(done.stdout.split("ready\n")[1])
    assert answer["lost"] == lost and len(answer["ns"]) == 5
    assert all(ns == 50_000_000 if lost else ns < 50_000_000 for ns in answer["ns"])


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("from_client", [False, True])
def test_frames_are_as_scapy_would_make_them(v6, from_client):
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Ether
    address = bytes.fromhex("fd90" + "00" * 13 + "10") if v6 else bytes([10, 90, 0, 16])
    template = packets.Template(b"\2\0\0\0\0\1", b"\2\0\0\0\0\2", v6, address, 80, packets.ACK, from_client)
    for i in (0, 1, 999, 65537, (1 << 22) - 1):
        frame = template.frame(i)
        parsed = Ether(frame)
        ip = parsed[IPv6 if v6 else IP]
        first = ip_address("fd00:64::" if v6 else "10.64.0.0")
        assert ip_address(ip.src if from_client else ip.dst) == first + i
        assert (parsed[TCP].sport if from_client else parsed[TCP].dport) == 20000 + i % 1000
        for layer, field in ((TCP, "chksum"), *([] if v6 else [(IP, "chksum")])):
            parsed[layer].delfieldval(field)
        assert bytes(parsed) == frame
