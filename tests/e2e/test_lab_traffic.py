# SPDX-License-Identifier: BSD-3-Clause
"""Real clients and servers through the virtual addresses: nothing is lost, the client's address is seen."""
import hashlib
import json
import subprocess
import time
from pathlib import Path

import pytest

VIP = {"ipv4": "10.90.0.10", "ipv6": "[fd90::10]"}
CLIENT = {"ipv4": "10.0.0.2", "ipv6": "fd00::2"}
FAMILIES = ("ipv4", "ipv6")


@pytest.fixture(scope="module", autouse=True)
def services(lab):
    for family in FAMILIES:
        six = "6" if family == "ipv6" else ""
        lab.web_and_echo(family)
        lab.service("perf" + six, "TCP", 5201, lab.targets(family)[:1], family)
        lab.wait_healthy("perf" + six)


@pytest.mark.parametrize("family", FAMILIES)
def test_curl_of_1000_requests_all_answered_with_the_clients_address_in_the_log(lab, family):
    logs = [Path(lab.env["logs"][t]) for t in ("t1", "t2", "t3", "t4")]
    before = [len(log.read_text().splitlines()) for log in logs]
    # one curl process; --no-keepalive alone would reuse connections, so each request asks to close
    config = "".join(f'url = "http://{VIP[family]}/?{n}"\nheader = "Connection: close"\noutput = "/dev/null"\n'
                     'write-out = "%{http_code}\\n"\nnext\n' for n in range(1000)).removesuffix("next\n")
    path = Path(lab.env["run_dir"]) / "curl.conf"
    path.write_text(config)
    out = lab.on("client", "curl", "-sg", "--max-time", "10", "-K", path)
    assert out.split() == ["200"] * 1000

    def lines():
        return [line for log, n in zip(logs, before) for line in log.read_text().splitlines()[n:] if "GET /?" in line]
    lab.wait(lambda: len(lines()) >= 1000, 5, "1000 lines in nginx's logs")
    assert len(lines()) == 1000
    assert {line.split()[0] for line in lines()} == {CLIENT[family]}


@pytest.mark.parametrize("family", FAMILIES)
def test_udp_flows_are_answered_and_spread(lab, family):
    r = lab.load("udp", VIP[family] + ":7", count=500)
    assert r["failed"] == 0 and r["clients"] == {CLIENT[family]: 500}
    assert all(60 <= r["by_target"].get(t, 0) <= 200 for t in ("t1", "t2", "t3", "t4")), r["by_target"]


@pytest.mark.parametrize("family", FAMILIES)
def test_100_mb_download_has_the_right_hash(lab, family):
    want = hashlib.sha256(Path(lab.env["files"]["100M"]).read_bytes()).hexdigest()
    got = subprocess.run([Path(__file__).parents[2] / "scripts" / "lab", "exec", "client", "curl", "-sgf", "--max-time", "60",
                          f"http://{VIP[family]}/files/100M"], capture_output=True, check=True).stdout
    assert hashlib.sha256(got).hexdigest() == want


@pytest.mark.parametrize("family", FAMILIES)
def test_iperf3_30_s_both_ways_without_a_reset(lab, family):
    def resets():
        time.sleep(1.5)  # Status knows a target's counters as of the last whole second
        (group,) = lab.rpc("Status", TargetGroups=["perf6" if family == "ipv6" else "perf"])["target_groups"]
        return sum(t["resets_client"] + t["resets_target"] for t in group["targets"])
    before = resets()
    seconds = 30
    running = lab.background("client", "iperf3", "-c", VIP[family].strip("[]"), "-t", seconds, "--bidir", "--json")
    time.sleep(seconds - 2.5)
    during = resets()
    # at its end iperf3 itself closes sockets that still hold data, which resets them: that must not have begun
    assert running.poll() is None, running.communicate()
    out = json.loads(running.communicate(timeout=60)[0])
    assert "error" not in out, out.get("error")
    assert out["end"]["sum_sent"]["bytes"] > 1 << 20 and out["end"]["sum_received_bidir_reverse"]["bytes"] > 1 << 20
    assert during == before


def test_hosts_reach_each_other_beside_the_load_balancer(lab):
    for host, address in (("client", "10.1.0.11"), ("t1", "10.2.0.12"), ("t1", "10.0.0.2")):
        lab.on(host, "ping", "-c", "2", "-i", "0.2", "-W", "2", address)
    lab.on("client", "ping", "-c", "2", "-i", "0.2", "-W", "2", VIP["ipv4"])
    # to a port of a target's that is not registered; what a registered one answers must pass the dataplane
    assert lab.on("client", "curl", "-sk", "--max-time", "5", "https://10.2.0.11/").split() == ["t3", "10.0.0.2"]
