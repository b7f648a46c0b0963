#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The in-memory benchmark at its shortest: its JSON has what it promises, and bad options are refused."""
import json
import subprocess
import sys

BENCH = sys.argv[1]
CELL = {"name", "family", "direction", "flows", "workers", "ns_per_packet", "min", "max", "runs", "mpps",
        "touch_ns", "touch_min", "touch_max", "ratio_to_touch"}
REFERENCE = {"name", "ns_per_packet", "min", "max", "runs"}
GOAL = {"name", "measured", "limit", "at", "unit", "holds"}
MACHINE = {"cpu", "cores", "tsc_hz", "hugepages", "compiler", "cpu_option", "dpdk"}


def run(*args):
    return subprocess.run([BENCH, *args], capture_output=True, text=True, timeout=110)


def has(keys, thing):
    assert keys <= thing.keys(), f"{keys - thing.keys()} missing in {thing}"


def figures(things):
    for thing in things:
        assert thing["runs"] >= 5 and thing["min"] <= thing["ns_per_packet"] <= thing["max"], thing


def json_is_whole():
    done = run("--quick", "--json", "--only", "hit,table,rte_hash", "--flows", "1")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    has(MACHINE, report["machine"])
    for cell in report["cells"]:
        has(CELL, cell)
        assert cell["ns_per_packet"] > 0 and cell["ratio_to_touch"] > 0, cell
        assert 0 < cell["touch_min"] <= cell["touch_ns"] <= cell["touch_max"], cell
    for reference in report["references"]:
        has(REFERENCE, reference)
    figures(report["cells"] + report["references"])
    for goal in report["goals"]:
        has(GOAL, goal)
        assert goal["holds"] == (goal["measured"] <= goal["limit"]), goal
    assert [(c["name"], c["family"], c["direction"], c["flows"], c["workers"]) for c in report["cells"]] == [
        ("hit", family, direction, 1, 1) for family in ("ipv4", "ipv6") for direction in ("forward", "return")]
    assert [r["name"] for r in report["references"]] == ["harness", "harness_queues"] + ["table", "rte_hash"] * 2
    assert report["goals"] and isinstance(report["left_out"], list)


def table_is_printed():
    done = run("--quick", "--only", "hit", "--flows", "1", "--family", "ipv6")
    assert done.returncode == 0, done.stderr
    assert "\nhit " in done.stdout and "\nreference " in done.stdout, done.stdout


def bad_options_are_refused():
    for args, text in ((["--only", "hot"], "there is no 'hot'"), (["--flows", "7"], "'7' is not of 1, 1024"),
                       (["--family", "ipx"], "neither ipv4 nor ipv6"), (["--fast"], "usage"), (["x"], "'x' is no option")):
        done = run(*args)
        assert done.returncode != 0 and text in done.stderr and not done.stdout, (args, done)


json_is_whole()
table_is_printed()
bad_options_are_refused()
