# SPDX-License-Identifier: BSD-3-Clause
"""Either process dies under traffic, and nobody outside is told: no reset, no refusal, ports come back by themselves."""
import time

import pytest
from lab import Capture

VIP = "10.90.0.10"


@pytest.fixture(scope="module", autouse=True)
def services(lab):
    lab.web_and_echo()


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_dataplane_ends_and_returns_without_a_reset_or_a_lost_connection(lab, how):
    capture = Capture(lab)
    slow = lab.background("client", "curl", "-sf", "--limit-rate", "4M", "--max-time", "90", "-o", "/dev/null", "-w",
                          "%{size_download}", f"http://{VIP}/files/100M")
    load = lab.load_in_background("http", f"{VIP}:80", rate=50, timeout=20)
    time.sleep(1)
    lab.run(how, "dataplane")
    time.sleep(1)  # without a dataplane, clients keep sending
    lab.run("start", "dataplane")
    time.sleep(4)
    result = lab.finish(load)
    assert result["requests"] > 100 and result["failed"] == 0, result
    assert slow.communicate(timeout=100)[0] == str(100 << 20), "the download that was under way did not survive"
    assert capture.packets() == "", "the client was told that its connection is gone"
    lab.wait_healthy("web")
    # flows that were kept count as their targets' again; all from one answer, because flows that are over end meanwhile
    status = lab.rpc("Status")
    counters = status["dataplane"]["counters"]
    flows = sum(t["flows"] for g in status["target_groups"] for t in g["targets"])
    assert counters["flows_kept"] > 0
    assert flows == counters["flows_new"] - counters["flows_ended"] > 0


def test_control_plane_killed_and_restarted_loses_no_request(lab):
    before = lab.rpc("DescribeTargetGroups")
    load = lab.load_in_background("http", f"{VIP}:80", rate=200)
    time.sleep(0.5)
    lab.run("kill", "controlplane")
    time.sleep(1)
    lab.run("start", "controlplane")
    assert set(lab.states("web").values()) == {"healthy"}, "a healthy target went back to initial"
    time.sleep(1)
    result = lab.finish(load)
    assert result["requests"] > 200 and result["failed"] == 0, result
    assert lab.rpc("DescribeTargetGroups") == before


def test_a_dead_target_gets_no_request_after_the_verdict(lab):
    lab.run("kill", "t2")
    address = lab.env["addresses"]["t2"][0]
    lab.wait(lambda: lab.states("web")[address] == "unhealthy", 5, "t2 unhealthy")
    result = lab.load("http", f"{VIP}:80", count=300)
    assert result["failed"] == 0 and "t2" not in result["by_target"], result
    lab.run("start", "t2")
    lab.wait_healthy("web")
    result = lab.load("http", f"{VIP}:80", count=300)
    assert result["failed"] == 0 and result["by_target"].get("t2", 0) > 0, result


def test_all_targets_failing_fails_open(lab):
    for t in ("t1", "t2", "t3", "t4"):
        lab.rpc("ModifyTargetGroup", TargetGroupArn="web", HealthCheckPath="/files/missing")
    lab.wait(lambda: set(lab.states("web").values()) == {"unhealthy"}, 10, "all unhealthy")
    result = lab.load("http", f"{VIP}:80", count=200)
    assert result["failed"] == 0 and len(result["by_target"]) == 4, result
    lab.rpc("ModifyTargetGroup", TargetGroupArn="web", HealthCheckPath="/health")
    lab.wait_healthy("web")


def test_deregistered_target_keeps_its_flows_and_gets_no_new_ones(lab):
    slow = [lab.background("client", "curl", "-sf", "--limit-rate", "20M", "--max-time", "60", "-o", "/dev/null", "-w",
                           "%{size_download}", f"http://{VIP}/files/100M") for _ in range(4)]
    time.sleep(1)
    lab.rpc("DeregisterTargets", TargetGroupArn="web", Targets=lab.targets()[:2])
    states = lab.states("web")
    assert [states[t] for t in lab.targets()[:2]] == ["draining", "draining"]
    result = lab.load("http", f"{VIP}:80", count=200)
    assert result["failed"] == 0 and set(result["by_target"]) == {"t3", "t4"}, result
    assert [s.communicate(timeout=70)[0] for s in slow] == [str(100 << 20)] * 4
    lab.rpc("RegisterTargets", TargetGroupArn="web", Targets=lab.targets()[:2])
    lab.wait_healthy("web")
