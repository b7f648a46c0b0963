# SPDX-License-Identifier: BSD-3-Clause
"""anabranch probe: a client on the load balancer's own host, past the kernel's guard."""
import json
import subprocess
from pathlib import Path

import pytest

LAB = Path(__file__).resolve().parents[2] / "scripts" / "lab"
VIP = {"ipv4": "10.90.0.10", "ipv6": "[fd90::10]"}
CLIENT = {"ipv4": "198.18.0.2", "ipv6": "2001:2::2"}
FAMILIES = ("ipv4", "ipv6")


@pytest.fixture(scope="module", autouse=True)
def services(lab):
    for family in FAMILIES:
        six = "6" if family == "ipv6" else ""
        lab.web_and_echo(family)
        lab.service("closed" + six, "TCP", 81, lab.targets(family), family, cross_zone=True)
        lab.wait_healthy("closed" + six)


def probe(lab, *arguments, before=()):
    return subprocess.run([LAB, "exec", "lb", *before, lab.env["cli"], "probe", *map(str, arguments)], text=True,
                          capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("family", FAMILIES)
def test_tcp_is_answered_and_the_target_sees_the_probes_address(lab, family):
    logs = [Path(lab.env["logs"][t]) for t in ("t1", "t2", "t3", "t4")]
    assert not any(CLIENT[family] + " " in log.read_text() for log in logs)
    done = probe(lab, f"{VIP[family]}:80", "--http")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{VIP[family]}:80 TCP from port ") and done.stdout.endswith(" ms, HTTP/1.1 200 OK\n")
    lab.wait(lambda: any(line.startswith(CLIENT[family] + " ") and '200 "GET / HTTP/1.0"' in line
                         for log in logs for line in log.read_text().splitlines()), 5, "a line in a target's log")


@pytest.mark.parametrize("family", FAMILIES)
def test_tcp_probes_meet_several_targets_and_leave_no_flow_established(lab, family):
    counters = lab.counters()[0]
    done = probe(lab, f"{VIP[family]}:80", "--count", 40, "--json")
    result = json.loads(done.stdout)
    assert (done.returncode, result["answered"], result["protocol"], result["port"]) == (0, 40, "TCP", 80)
    assert result["address"] == VIP[family].strip("[]")
    assert {a["result"] for a in result["attempts"]} == {"answered"}
    assert all(0 < a["ms"] < 2000 for a in result["attempts"])
    assert len({a["source_port"] for a in result["attempts"]}) == 40
    after = lab.counters()[0]
    assert after["flows_new"] - counters["flows_new"] == 40
    # SYN, ACK and RST of each, and one answer, unless something was sent again
    assert after["to_target"] - counters["to_target"] >= 3 * 40
    assert after["to_client"] - counters["to_client"] >= 40


@pytest.mark.parametrize("family", FAMILIES)
def test_udp_is_answered(lab, family):
    done = probe(lab, f"{VIP[family]}:7", "--udp", "--payload", "hello", "--count", 3)
    assert (done.returncode, done.stderr) == (0, "")
    assert [" UDP from port " in line and " answered in " in line for line in done.stdout.splitlines()] == [True] * 3


def test_a_port_without_a_listener_has_no_answer_and_the_reason_is_told(lab):
    done = probe(lab, f"{VIP['ipv4']}:4444", "--timeout", 300)
    assert (done.returncode, done.stderr) == (1, "")
    assert "no answer within 300 ms" in done.stdout and "no_listener" in done.stdout


def test_no_answer_in_json(lab):
    done = probe(lab, f"{VIP['ipv6']}:4444", "--timeout", 100, "--udp", "--json")
    result = json.loads(done.stdout)
    assert (done.returncode, result["answered"], [a["result"] for a in result["attempts"]]) == (1, 0, ["no-answer"])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_targets_reset_is_told(lab, family):
    done = probe(lab, f"{VIP[family]}:81")
    assert (done.returncode, "reset by the target after" in done.stdout) == (1, True)


def test_with_the_interfaces_name_no_daemon_is_needed(lab):
    interface = next(p["interface"] for p in lab.rpc("Status")["dataplane"]["ports"] if p["driver"] == "probe")
    done = probe(lab, f"{VIP['ipv4']}:80", "--interface", interface, "--socket", "/nowhere")
    assert (done.returncode, "answered in" in done.stdout) == (0, True)


@pytest.mark.parametrize("arguments", [(), ("10.90.0.10",), ("web:80",), ("10.90.0.10:80", "--count", "0"),
                                       ("10.90.0.10:80", "--timeout", "60001"), ("10.90.0.10:80", "--udp", "--http"),
                                       ("10.90.0.10:80", "--payload", "x")])
def test_a_command_line_without_sense_exits_with_2(lab, arguments):
    done = probe(lab, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("anabranch probe: ")


def test_what_keeps_it_from_trying_is_named(lab):
    here = probe(lab, f"{VIP['ipv4']}:80", "--interface", "absent0")
    assert (here.returncode, here.stdout) == (3, "") and "no interface absent0" in here.stderr
    unprivileged = probe(lab, f"{VIP['ipv4']}:80", before=("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"))
    assert (unprivileged.returncode, unprivileged.stdout) == (3, "") and "CAP_NET_RAW" in unprivileged.stderr


def test_the_kernel_can_still_not_reach_a_virtual_address(lab):
    done = subprocess.run([LAB, "exec", "lb", "curl", "-s", "--max-time", "1", f"http://{VIP['ipv4']}/"], capture_output=True,
                          timeout=30, check=False)
    assert done.returncode != 0


def restart_with(lab, settings):
    path = Path(lab.env["configs"]["dataplane"])
    path.write_text(json.dumps(json.loads(path.read_text()) | {"probe": settings}))
    lab.run("stop", "dataplane")
    lab.run("start", "dataplane")
    lab.wait(lambda: lab.rpc("Status")["dataplane"]["attached"], 10, "the daemon is attached")


def test_another_subnet_has_another_client(lab):
    restart_with(lab, {"subnet": 5, "interface": "tryout"})
    lab.wait(lambda: probe(lab, f"{VIP['ipv4']}:80", "--http", "--timeout", 200).returncode == 0, 10, "an answer")
    lab.wait(lambda: any("198.18.0.22 " in Path(lab.env["logs"][t]).read_text() for t in ("t1", "t2", "t3", "t4")), 5,
             "a line in a target's log")
    assert "tryout" in lab.on("lb", "ip", "-br", "link")


def test_a_data_plane_without_a_probe_port_is_named(lab):
    restart_with(lab, {"enabled": False})
    done = probe(lab, f"{VIP['ipv4']}:80")
    assert (done.returncode, done.stdout) == (3, "") and "no probe port" in done.stderr
    assert "tryout" not in lab.on("lb", "ip", "-br", "link")
