# SPDX-License-Identifier: BSD-3-Clause
"""Configuration changes at a high rate under traffic: nothing fails, no table memory is lost, all are acknowledged."""
import json
import socket
import time

import pytest

VIP = "10.90.0.10"
RATE, SECONDS = 200, 60


@pytest.fixture(scope="module", autouse=True)
def services(lab):
    lab.service("web", "TCP", 80, lab.targets(), cross_zone=True)
    lab.wait_healthy("web")
    lab.rpc("CreateTargetGroup", Name="churn", Protocol="TCP", Port=81)


def test_200_changes_a_second_for_a_minute(lab):
    def memory():
        return lab.rpc("Status")["dataplane"]["publisher"]["table_bytes_used"]
    used_before = memory()
    load = lab.load_in_background("http", f"{VIP}:80", rate=100, seconds=120)
    answered = 0
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(lab.env["control_socket"])
        f = s.makefile("rb")
        begin = time.monotonic()
        for n in range(RATE * SECONDS):
            # In and out of service, so that each second change swaps the tables that the traffic uses.
            method = "DeregisterTargets" if n % 2 else "RegisterTargets"
            group = "web" if n % 4 < 2 else "churn"
            target = "10.2.0.99:80" if group == "web" else f"10.1.0.{100 + n // 4 % 50}:81"
            s.sendall(json.dumps({"jsonrpc": "2.0", "id": n, "method": method,
                                  "params": {"TargetGroupArn": group, "Targets": [target]}}).encode() + b"\n")
            answer = json.loads(f.readline())
            assert answer["id"] == n and "result" in answer, answer
            assert not answer["result"].get("anabranch.Pending"), answer
            answered += 1
            time.sleep(max(0.0, begin + (n + 1) / RATE - time.monotonic()))
        took = time.monotonic() - begin
    result = lab.finish(load)
    assert answered == RATE * SECONDS
    assert took < SECONDS * 1.15, f"{answered} changes took {took:.1f} s"
    assert result["requests"] > 1000 and result["failed"] == 0, result
    publisher = lab.rpc("Status")["dataplane"]["publisher"]
    assert publisher["acknowledged"] == publisher["revision"] and publisher["problem"] == ""
    for group in ("web", "churn"):
        lab.rpc("DeregisterTargets", TargetGroupArn=group,
                Targets=[t for t in lab.states(group) if t not in lab.targets()])
    assert memory() < used_before + (1 << 20), "table memory grew"
