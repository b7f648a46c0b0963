# SPDX-License-Identifier: BSD-3-Clause
"""anabranchd's control socket, its rights and its database, against the real program without a dataplane."""
import contextlib
import grp
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from daemon import PROGRAM, Client, Daemon  # noqa: E402

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, ELB = -32700, -32600, -32601, -32602, -32000
MAX_LINE, MAX_CLIENTS = 4 << 20, 64
NOBODY = 65534


@pytest.fixture
def daemon():
    with Daemon() as d:
        yield d


@pytest.fixture
def client(daemon):
    with daemon.client() as c:
        yield c


def make_group(c, name, port=80):
    return c.call("CreateTargetGroup", Name=name, Protocol="TCP", Port=port)["TargetGroups"][0]["TargetGroupArn"]


def group_names(c):
    return [g["TargetGroupName"] for g in c.call("DescribeTargetGroups")["TargetGroups"]]


def eventually(holds, seconds=10):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


# ---- lines ----

@pytest.mark.parametrize("line, code", [
    (b"{", PARSE_ERROR),
    (b"\x00\x01\xff", PARSE_ERROR),
    (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', PARSE_ERROR),
    (b"[" * 100000, PARSE_ERROR),
    (b"1", PARSE_ERROR),
    (b"[]", INVALID_REQUEST),
    (b'[{"jsonrpc":"2.0","id":1,"method":"Status"}]', INVALID_REQUEST),
    (b'{"jsonrpc":"2.0","id":1}', INVALID_REQUEST),
    (b'{"jsonrpc":"2.0","id":1,"method":"Nonsense"}', METHOD_NOT_FOUND),
    (b'{"jsonrpc":"2.0","id":1,"method":"cp_change_target_drained"}', METHOD_NOT_FOUND),
    (b'{"jsonrpc":"2.0","id":1,"method":"Status","params":[1]}', INVALID_PARAMS),
])
def test_a_bad_line_is_answered_and_the_connection_goes_on(client, line, code):
    client.send(line + b"\n")
    error = client.receive()["error"]
    assert error["code"] == code and len(error["message"]) > 10
    assert client.ask("DescribeLoadBalancers")["result"] == {"LoadBalancers": []}


def test_elb_errors_carry_their_code(client):
    error = client.ask("DescribeTargetHealth", TargetGroupArn="none")["error"]
    assert error["code"] == ELB and error["data"]["Code"] == "TargetGroupNotFound"


def test_empty_lines_are_nothing(client):
    client.send(b"\n\r\n\n")
    assert "result" in client.ask("DescribeLoadBalancers")


def test_a_line_in_single_bytes_is_a_line(client):
    for byte in b'{"jsonrpc":"2.0","id":9,"method":"DescribeLoadBalancers"}\r\n':
        client.send(bytes([byte]))
    assert client.receive()["id"] == 9


def test_a_notification_works_and_gets_no_reply(client):
    client.send(b'{"jsonrpc":"2.0","method":"CreateTargetGroup","params":{"Name":"quiet","Protocol":"TCP","Port":80}}\n')
    client.send(b'{"jsonrpc":"2.0","method":"Nonsense"}\n')
    assert group_names(client) == ["quiet"]


def test_a_line_above_the_limit_ends_its_connection_alone(daemon, client):
    with daemon.client() as other:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            other.send(b'{"x":"' + b"x" * (MAX_LINE + 65536))
        error = other.receive()["error"]
        assert error["code"] == INVALID_REQUEST and str(MAX_LINE) in error["message"]
        with contextlib.suppress(ConnectionResetError):
            assert other.receive() is None
    assert "result" in client.ask("DescribeLoadBalancers")


def test_a_line_of_just_the_limit_is_read(client):
    head = b'{"jsonrpc":"2.0","id":1,"method":"'
    client.send(head + b"x" * (MAX_LINE - 1 - len(head) - 2) + b'"}\n')
    assert client.receive()["error"]["code"] == METHOD_NOT_FOUND
    assert "result" in client.ask("DescribeLoadBalancers")


def test_a_stalled_half_line_disturbs_nobody(daemon, client):
    with daemon.client() as stalled:
        line = b'{"jsonrpc":"2.0","id":5,"method":"DescribeLoadBalancers"}\n'
        stalled.send(line[:20])
        for n in range(20):
            make_group(client, f"g{n}")
        stalled.send(line[20:])
        assert stalled.receive()["id"] == 5


def test_a_half_line_is_no_request(daemon, client):
    with daemon.client() as half:
        half.send(b'{"jsonrpc":"2.0","id":1,"method":"CreateTargetGroup","params":{"Name":"half","Protocol":"TCP","Port":80}}')
        half.socket.shutdown(socket.SHUT_WR)
        assert half.receive() is None
    assert group_names(client) == []


def test_requests_before_a_half_close_are_answered(daemon):
    with daemon.client() as c:
        for n in range(1500):
            c.send_request("CreateTargetGroup" if n < 20 else "Nonsense", {"Name": f"g{n}", "Protocol": "TCP", "Port": 80})
        c.socket.shutdown(socket.SHUT_WR)
        assert [c.receive()["id"] for _ in range(1500)] == list(range(1, 1501))
        assert c.receive() is None


# ---- clients ----

def test_a_client_that_never_reads_is_dropped_alone(daemon, client):
    make_group(client, "big")
    targets = [f"10.1.{n // 250}.{1 + n % 250}:80" for n in range(1000)]
    client.call("RegisterTargets", TargetGroupArn="big", Targets=targets)
    size = len(json.dumps(client.call("DescribeTargetHealth", TargetGroupArn="big"), separators=(",", ":")))
    wanted = (40 << 20) // size
    with daemon.client() as silent:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(wanted):
                silent.send_request("DescribeTargetHealth", {"TargetGroupArn": "big"})
        assert "result" in client.ask("DescribeLoadBalancers")
        answered = 0
        with contextlib.suppress(ConnectionResetError, ValueError):
            while silent.receive():
                answered += 1
        assert answered < wanted
    assert "is disconnected" in daemon.log.read_text()
    assert "result" in client.ask("DescribeLoadBalancers")


def test_the_65th_client_is_told_and_sent_away(daemon):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(daemon.client())]
        eventually(lambda: clients[0].call("Status")["daemon"]["clients"] == 1)
        clients += [stack.enter_context(daemon.client()) for _ in range(MAX_CLIENTS - 1)]
        for c in clients:
            assert "result" in c.ask("DescribeLoadBalancers")
        with daemon.client() as late:
            error = late.receive()["error"]
            assert error["code"] == ELB and "64" in error["message"]
            with contextlib.suppress(ConnectionResetError):
                assert late.receive() is None
        assert all("result" in c.ask("DescribeLoadBalancers") for c in clients)
        clients[0].close()
        eventually(daemon.answers)


def test_clients_that_vanish_during_changes_harm_nobody(daemon, client):
    for n in range(50):
        gone = daemon.client()
        gone.send_request("CreateTargetGroup", {"Name": f"gone{n}", "Protocol": "TCP", "Port": 80})
        gone.close()
    eventually(lambda: len(group_names(client)) == 50)
    eventually(lambda: client.call("Status")["daemon"]["clients"] == 1)


# ---- order ----

def test_pipelined_requests_are_answered_in_order_and_reads_see_the_changes_before(client):
    requests = []
    for n in range(100):
        requests.append(("CreateTargetGroup", {"Name": f"g{n}", "Protocol": "TCP", "Port": 80}))
        requests.append(("DescribeTargetGroups", {}))
        requests.append(("Nonsense", {}))
        requests.append(("CreateTargetGroup", {"Name": f"g{n}", "Protocol": "UDP", "Port": 80}))
    for method, params in requests:
        client.send_request(method, params)
    for n in range(100):
        made, seen, nonsense, twice = (client.receive() for _ in range(4))
        assert [r["id"] for r in (made, seen, nonsense, twice)] == [4 * n + i for i in (1, 2, 3, 4)]
        assert made["result"]["TargetGroups"][0]["TargetGroupName"] == f"g{n}"
        assert [g["TargetGroupName"] for g in seen["result"]["TargetGroups"]] == [f"g{i}" for i in range(n + 1)]
        assert nonsense["error"]["code"] == METHOD_NOT_FOUND
        assert twice["error"]["data"]["Code"] == "DuplicateTargetGroupName"


def test_changes_of_many_clients_at_once(daemon, client):
    def changes(k):
        with daemon.client() as c:
            for n in range(50):
                make_group(c, f"c{k}-{n}")
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(changes, range(16)))
    assert sorted(group_names(client)) == sorted(f"c{k}-{n}" for k in range(16) for n in range(50))


def test_without_a_dataplane_a_change_is_pending_and_durable(daemon, client):
    reply = client.call("CreateTargetGroup", Name="web", Protocol="TCP", Port=80)
    assert reply["anabranch.Pending"] is True
    assert daemon.sql("SELECT count(*) FROM object WHERE kind = 1") == [(1,)]


def test_a_thousand_groups_and_ten_thousand_targets_load_in_two_seconds(daemon, client):
    sanitized = b"__asan_init" in PROGRAM.read_bytes()
    begin = time.monotonic()
    lines = []
    for n in range(1000):
        lines.append(("CreateTargetGroup", {"Name": f"g{n}", "Protocol": "TCP", "Port": 80}))
        lines.append(("RegisterTargets", {"TargetGroupArn": f"g{n}",
                                          "Targets": [f"10.{n // 250}.{n % 250}.{t + 1}:80" for t in range(10)]}))
    data = b"".join(json.dumps({"jsonrpc": "2.0", "id": i, "method": m, "params": p}).encode() + b"\n"
                    for i, (m, p) in enumerate(lines))
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(client.send, data)
        replies = [client.receive() for _ in lines]
        sent.result()
    took = time.monotonic() - begin
    assert all("result" in r for r in replies), next(r for r in replies if "result" not in r)
    assert [r["id"] for r in replies] == list(range(2000))
    assert took < (20 if sanitized else 2), f"{took:.2f} s"
    status = client.call("Status")
    assert sum(g["registered"] for g in status["target_groups"]) == 10000
    assert sum(len(g["targets"]) + g["targets_omitted"] for g in status["target_groups"]) == 10000


# ---- restarts ----

def configure(c):
    c.call("CreateLoadBalancer", Name="lb", Subnets=["subnet-a", "subnet-b"])
    make_group(c, "web")
    c.call("RegisterTargets", TargetGroupArn="web", Targets=["10.1.0.1:80", {"Id": "10.1.0.2", "Port": 8080}])
    c.call("CreateListener", LoadBalancerArn="lb", Protocol="TCP", Port=80,
           DefaultActions=[{"Type": "forward", "TargetGroupArn": "web"}])


def everything(c):
    lbs = c.call("DescribeLoadBalancers")["LoadBalancers"]
    health = c.call("DescribeTargetHealth", TargetGroupArn="web")["TargetHealthDescriptions"]
    return (lbs, c.call("DescribeListeners", LoadBalancerArn="lb"), c.call("DescribeTargetGroups"), [h["Target"] for h in health])


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_restart_keeps_the_configuration(daemon, sig):
    with daemon.client() as c:
        configure(c)
        before = everything(c)
    status = daemon.end(sig)
    assert status == (0 if sig != signal.SIGKILL else -signal.SIGKILL)
    assert daemon.socket.exists() == (sig == signal.SIGKILL)
    daemon.start()
    with daemon.client() as c:
        assert everything(c) == before


def test_what_was_answered_before_a_kill_is_there_after_it(daemon):
    for round_ in range(5):
        answered = set()
        with daemon.client() as c, ThreadPoolExecutor(1) as pool:
            for n in range(400):
                c.send_request("CreateTargetGroup", {"Name": f"r{round_}-{n}", "Protocol": "TCP", "Port": 80})
            killed = pool.submit(lambda: (time.sleep(0.01 + 0.01 * round_), daemon.end(signal.SIGKILL)))
            with contextlib.suppress(ConnectionResetError):
                while reply := c.receive():
                    answered.add(reply["result"]["TargetGroups"][0]["TargetGroupName"])
            killed.result()
        daemon.start()
        with daemon.client() as c:
            assert answered <= set(group_names(c))


def test_a_second_daemon_is_refused_the_database_and_the_socket(daemon):
    with_same = Daemon(database=str(daemon.database))
    try:
        done = subprocess.run(with_same.command(), capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 1 and f"process {daemon.process.pid}" in done.stderr
        with_same.config |= {"database": str(with_same.database), "control_socket": str(daemon.socket)}
        done = subprocess.run(with_same.command(), capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 1 and "another process listens there" in done.stderr
    finally:
        with_same.remove()
    with daemon.client() as c:
        assert "result" in c.ask("DescribeLoadBalancers")


def test_a_file_in_the_sockets_place_is_left_alone():
    d = Daemon()
    try:
        d.socket.write_text("precious")
        done = subprocess.run(d.command(), capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 1 and "no socket" in done.stderr
        assert d.socket.read_text() == "precious"
    finally:
        d.remove()


def test_the_service_manager_is_told():
    d = Daemon()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.settimeout(20)
            manager.bind(str(d.dir / "notify"))
            process = subprocess.Popen(d.command(), env=os.environ | {"NOTIFY_SOCKET": str(d.dir / "notify")},
                                       stderr=subprocess.DEVNULL)
            assert manager.recv(100) == b"READY=1"
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGTERM)
            assert manager.recv(100) == b"STOPPING=1"
            assert process.wait(20) == 0
    finally:
        d.remove()


def test_a_full_disk_fails_changes_until_there_is_room():
    """The database on a file system of 1 MiB, in a mount namespace of the daemon's own."""
    script = 'mount -t tmpfs -o size=1m,mode=700 none "$0" && exec "$@"'
    d = Daemon()
    d.wrapper = ["unshare", "--mount", "sh", "-c", script, str(d.database.parent)]
    with d, d.client() as c:
        filler = Path(f"/proc/{d.process.pid}/root") / str(d.database.parent).lstrip("/") / "filler"
        make_group(c, "before")
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as f:
            while True:
                f.write(b"x" * 4096)
        errors, names = [], ["before"]
        for n in range(300):
            reply = c.ask("CreateTargetGroup", Name=f"g{n}", Protocol="TCP", Port=80)
            if "error" in reply:
                errors.append(reply["error"])
            else:
                names.append(f"g{n}")
        assert errors, "the disk never was full"
        assert all(e["data"]["Code"] == "InternalFailure" and "make room" in e["message"] for e in errors), errors[0]
        assert group_names(c) == names
        assert "not stored" in c.call("Status")["daemon"]["problem"]
        filler.unlink()
        make_group(c, "after")
        assert group_names(c) == [*names, "after"]
        assert c.call("Status")["daemon"]["problem"] == ""


# ---- drains ----

@pytest.mark.parametrize("terminates", ["true", "false"])
def test_a_drain_ends_without_a_dataplane_only_if_flows_are_ended(daemon, client, terminates):
    configure(client)
    client.call("ModifyTargetGroupAttributes", TargetGroupArn="web", Attributes=[
        {"Key": "deregistration_delay.timeout_seconds", "Value": "0"},
        {"Key": "deregistration_delay.connection_termination.enabled", "Value": terminates}])
    client.call("DeregisterTargets", TargetGroupArn="web", Targets=["10.1.0.1:80"])

    def states():
        return {h["Target"]["Id"]: h["TargetHealth"]["State"]
                for h in client.call("DescribeTargetHealth", TargetGroupArn="web")["TargetHealthDescriptions"]}
    assert states()["10.1.0.1"] == "draining"
    if terminates == "true":
        eventually(lambda: "10.1.0.1" not in states())
        daemon.end()
        assert daemon.sql("SELECT uid, pid, result FROM audit WHERE method = 'TargetDrained'") == [(-1, -1, "ok")]
    else:
        time.sleep(2.5)
        assert states()["10.1.0.1"] == "draining"


# ---- the audit trail ----

def test_each_change_has_its_audit_row_also_when_refused(daemon, client):
    make_group(client, "web")
    client.ask("CreateTargetGroup", Name="web", Protocol="UDP", Port=1)
    client.ask("DeleteTargetGroup", TargetGroupArn="web")
    client.ask("DescribeTargetGroups")
    daemon.end()
    rows = daemon.sql("SELECT method, uid, pid, json_extract(params, '$.Name'), result FROM audit ORDER BY seq")
    assert rows == [("CreateTargetGroup", 0, os.getpid(), "web", "ok"),
                    ("CreateTargetGroup", 0, os.getpid(), "web", "DuplicateTargetGroupName"),
                    ("DeleteTargetGroup", 0, os.getpid(), None, "ok")]


# ---- rights ----

ASK = """
import socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.settimeout(20)
    s.connect(sys.argv[1])
    s.sendall(sys.argv[2].encode() + b"\\n")
    print(s.makefile().readline())
"""


def ask_as(daemon, method, uid, gid, *groups):
    """The reply to a request of another user."""
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                       "params": {} if method.startswith("Describe") else {"Name": "web", "Protocol": "TCP", "Port": 80}})
    extra = f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups"
    done = subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={gid}", extra, sys.executable, "-c", ASK, str(daemon.socket), line],
                          capture_output=True, text=True, timeout=30, check=True, cwd="/")
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def guarded():
    """Groups that any Debian has."""
    with Daemon(groups={"read": "games", "admin": "operator"}) as d:
        yield d


READERS, ADMINS, OTHERS = (grp.getgrnam(name).gr_gid for name in ("games", "operator", "users"))


@pytest.mark.parametrize("uid, gid, groups, may_read, may_change", [
    (0, OTHERS, (), True, True),
    (NOBODY, READERS, (), True, False),
    (NOBODY, OTHERS, (READERS,), True, False),
    (NOBODY, ADMINS, (), True, True),
    (NOBODY, OTHERS, (OTHERS, ADMINS), True, True),
    (NOBODY, OTHERS, (), False, False),
    (NOBODY, 0, (OTHERS,), False, False),
])
def test_rights_follow_uid_and_groups(guarded, uid, gid, groups, may_read, may_change):
    for method, may, group in (("DescribeTargetGroups", may_read, "games"),
                               ("CreateTargetGroup", may_change, "operator" if may_read else "games")):
        reply = ask_as(guarded, method, uid, gid, *groups)
        assert ("result" in reply) == may, reply
        if not may:
            assert reply["id"] == 1 and reply["error"]["code"] == ELB
            assert reply["error"]["data"]["Code"] == "AccessDenied" and group in reply["error"]["message"]


def test_a_refused_readers_change_is_in_the_audit_trail(guarded):
    ask_as(guarded, "CreateTargetGroup", NOBODY, READERS)
    eventually(lambda: guarded.sql(f"SELECT count(*) FROM audit WHERE uid = {NOBODY} AND result = 'AccessDenied'") != [(0,)])


SILENT = """
import socket, sys, time
sockets = []
for n in range(80):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    sockets.append(s)
print("connected", flush=True)
ended = 0
for s in sockets:
    s.settimeout(20)
    while s.recv(4096):
        pass
    ended += 1
print(ended)
"""


def test_strangers_cannot_take_all_places(guarded):
    silent = subprocess.Popen(["setpriv", f"--reuid={NOBODY}", f"--regid={OTHERS}", "--clear-groups", sys.executable, "-c", SILENT,
                               str(guarded.socket)], stdout=subprocess.PIPE, text=True, cwd="/")
    assert silent.stdout.readline() == "connected\n"
    with guarded.client() as c:
        assert "result" in c.ask("DescribeLoadBalancers")
    assert silent.communicate(timeout=30)[0] == "80\n"


# ---- status and configuration ----

def test_status_without_a_dataplane_says_so(daemon, client):
    configure(client)
    status = client.call("Status")
    assert status["daemon"]["pid"] == daemon.process.pid and status["daemon"]["revision"] >= 4
    assert status["dataplane"]["attached"] is False and str(daemon.dir / "dataplane.sock") in status["dataplane"]["why"]
    assert [z["name"] for z in status["zones"]] == ["zone-a", "zone-b"]
    assert {"subnet": "subnet-a", "prefix": "fd90::/64", "interface": "lo", "scheme": "internet-facing"} in status["zones"][0]["prefixes"]
    group, = status["target_groups"]
    assert group["name"] == "web" and group["registered"] == 2 and group["load_balancer"] == "lb"
    assert [(t["id"], t["port"], t["flows"]) for t in group["targets"]] == [("10.1.0.1", 80, None), ("10.1.0.2", 8080, None)]
    assert status["listeners"][0]["addresses"] == ["10.90.0.10", "10.90.1.10"]
    assert client.call("Status", TargetGroups=["web"])["target_groups"][0]["name"] == "web"
    assert client.ask("Status", TargetGroups=["none"])["error"]["data"]["Code"] == "TargetGroupNotFound"
    assert client.ask("Status", Nonsense=1)["error"]["data"]["Code"] == "ValidationError"


@pytest.mark.parametrize("change, says", [
    ({"nonsense": 1}, "nonsense: unknown key; expected one of: instance"),
    ({"instance": 5}, "instance: expected a string, got a number"),
    ({"instance": "x" * 40}, "instance: expected 1 to 15 characters, got 40"),
    ({"database": "here.db"}, "database: expected an absolute path"),
    ({"log_level": "loud"}, "log_level: expected \"error\""),
    ({"groups": {"write": "x"}}, "groups.write: unknown key; expected one of: read, admin"),
    ({"limits": {"targets": 0}}, "limits.targets: expected a number from 1 to"),
    ({"zones": {}}, "zones: expected a list, got an object"),
    ({"zones": [{"name": "a"}]}, "zones[0].subnets: is missing"),
    ({"zones": [{"name": "a", "subnets": [{"id": "s", "prefix": "10.0.0.0"}]}]}, "zones[0].subnets[0].prefix: expected a prefix such as"),
    ({"zones": [{"name": "a", "subnets": [{"id": "s", "prefix": "10.0.0.0/33"}]}]}, "zones[0].subnets[0].prefix: expected a length"),
    ({"zones": [{"name": "a", "subnets": [{"id": "s", "prefix": "10.0.0.0/8", "first": "10.0.0.1"}]}]},
     "zones[0].subnets[0]: expected both \"first\" and \"last\""),
    ({"zones": [{"name": "a", "subnets": [{"id": "s", "prefix": "10.0.0.0/8", "scheme": "public"}]}]},
     "zones[0].subnets[0].scheme: expected \"internet-facing\""),
    ({"zones": [{"name": "a", "subnets": [{"id": "s", "prefix": "10.0.0.1/8"}]}]}, "bits set behind its length"),
    ({"zones": [{"name": "a", "subnets": []}, {"name": "a", "subnets": []}]}, "zones[1]: zone \"a\" is there twice"),
])
def test_a_wrong_file_is_explained(change, says):
    d = Daemon(**change)
    try:
        done = subprocess.run([*d.command(), "--check"], capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 78
        assert says in done.stderr and str(d.dir / "anabranchd.json") in done.stderr, done.stderr
    finally:
        d.remove()


def test_a_syntax_error_has_its_line():
    d = Daemon()
    try:
        file = d.write_config()
        file.write_text('{\n  "instance": "a",\n  oops\n}\n')
        done = subprocess.run([PROGRAM, "--config", file, "--check"], capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 78 and f"{file}:3:" in done.stderr
    finally:
        d.remove()


def test_the_example_file_is_fine():
    example = Path(__file__).resolve().parents[2] / "configs" / "anabranchd.json"
    done = subprocess.run([PROGRAM, "--config", example, "--check"], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, "")
