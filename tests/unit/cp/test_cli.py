# SPDX-License-Identifier: BSD-3-Clause
"""anabranch, the command-line client, against a control socket of the test's own."""
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TREE / "tests/support"))

from fake_daemon import FakeDaemon, Refusal  # noqa: E402

PROGRAM = Path(os.environ["ANABRANCH_BUILD"]) / "controlplane/cli/anabranch"
GROUP = "arn:anabranch:elasticloadbalancing:targetgroup/web/0123456789abcdef"
LB = "arn:anabranch:elasticloadbalancing:loadbalancer/net/shop/1123456789abcdef"
LISTENER = "arn:anabranch:elasticloadbalancing:listener/net/shop/1123456789abcdef/2123456789abcdef"


def run(*args, env=None, **more):
    return subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True, timeout=30,
                          env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **(env or {})}, **more)


@pytest.fixture
def daemon(tmp_path):
    made = FakeDaemon(tmp_path / "control.sock")
    yield made
    made.close()


def ask(daemon, *args):
    return run("--socket", daemon.path, *args)


def commands():
    sections = re.split(r"\n(?=\S)", run("--help").stdout)
    return [line.split()[0] for s in sections if not s.startswith(("Options", "Exit", "Usage", "'"))
            for line in s.splitlines()[1:] if line.startswith("  ")]


def methods():
    return re.findall(r"X\((\w+), (?:READ|CHANGE)\)", (TREE / "include/lb/rpc.h").read_text())


# ---- parsing ----

PARSED = [
    ("create-load-balancer --name shop --subnets subnet-a subnet-b --scheme internal", "CreateLoadBalancer",
     {"Name": "shop", "Subnets": ["subnet-a", "subnet-b"], "Scheme": "internal"}),
    ("create-load-balancer --name shop --subnet-mappings SubnetId=subnet-a,PrivateIPv4Address=10.90.0.10 "
     "SubnetId=subnet-b,AllocationId=eip-1 --ip-address-type dualstack --type network", "CreateLoadBalancer",
     {"Name": "shop", "SubnetMappings": [{"SubnetId": "subnet-a", "PrivateIPv4Address": "10.90.0.10"},
                                         {"SubnetId": "subnet-b", "AllocationId": "eip-1"}],
      "IpAddressType": "dualstack", "Type": "network"}),
    ("describe-load-balancers", "DescribeLoadBalancers", {}),
    ("describe-load-balancers --names a b --load-balancer-arns " + LB, "DescribeLoadBalancers",
     {"Names": ["a", "b"], "LoadBalancerArns": [LB]}),
    ("delete-load-balancer --load-balancer shop", "DeleteLoadBalancer", {"LoadBalancerArn": "shop"}),
    ("delete-load-balancer --load-balancer-arn=" + LB, "DeleteLoadBalancer", {"LoadBalancerArn": LB}),
    ("modify-load-balancer-attributes --load-balancer shop --attributes "
     "Key=load_balancing.cross_zone.enabled,Value=true", "ModifyLoadBalancerAttributes",
     {"LoadBalancerArn": "shop", "Attributes": [{"Key": "load_balancing.cross_zone.enabled", "Value": "true"}]}),
    ("describe-load-balancer-attributes --load-balancer shop", "DescribeLoadBalancerAttributes",
     {"LoadBalancerArn": "shop"}),
    ("create-target-group --name web --protocol tcp --port 80", "CreateTargetGroup",
     {"Name": "web", "Protocol": "TCP", "Port": 80}),
    ("create-target-group --name web --protocol TCP_UDP --port 53 --ip-address-type ipv6 --target-type ip "
     "--vpc-id here --health-check-protocol https --health-check-port 8443 --health-check-path /up?a=b "
     "--health-check-interval-seconds 10 --health-check-timeout-seconds 5 --healthy-threshold-count 3 "
     "--unhealthy-threshold-count 2 --matcher 200,204", "CreateTargetGroup",
     {"Name": "web", "Protocol": "TCP_UDP", "Port": 53, "IpAddressType": "ipv6", "TargetType": "ip",
      "VpcId": "here", "HealthCheckProtocol": "HTTPS", "HealthCheckPort": "8443", "HealthCheckPath": "/up?a=b",
      "HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 5, "HealthyThresholdCount": 3,
      "UnhealthyThresholdCount": 2, "Matcher": {"HttpCode": "200,204"}}),
    ("describe-target-groups --names web --load-balancer shop", "DescribeTargetGroups",
     {"Names": ["web"], "LoadBalancerArn": "shop"}),
    ("describe-target-groups --target-group-arns " + GROUP, "DescribeTargetGroups", {"TargetGroupArns": [GROUP]}),
    ("modify-target-group --target-group web --matcher HttpCode=200-399 --health-check-port traffic-port",
     "ModifyTargetGroup", {"TargetGroupArn": "web", "Matcher": {"HttpCode": "200-399"},
                           "HealthCheckPort": "traffic-port"}),
    ("modify-target-group --target-group web --no-health-check-enabled", "ModifyTargetGroup",
     {"TargetGroupArn": "web", "HealthCheckEnabled": False}),
    ("modify-target-group --health-check-enabled --target-group web", "ModifyTargetGroup",
     {"TargetGroupArn": "web", "HealthCheckEnabled": True}),
    ("delete-target-group --target-group web", "DeleteTargetGroup", {"TargetGroupArn": "web"}),
    ("modify-target-group-attributes --target-group web --attributes "
     "deregistration_delay.timeout_seconds=30 Key=stickiness.enabled,Value=true", "ModifyTargetGroupAttributes",
     {"TargetGroupArn": "web", "Attributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"},
                                              {"Key": "stickiness.enabled", "Value": "true"}]}),
    ("describe-target-group-attributes --target-group web", "DescribeTargetGroupAttributes",
     {"TargetGroupArn": "web"}),
    ("register-targets --target-group web --targets 10.1.0.11:80 10.1.0.12 [fd00::11]:81 fd00::12 "
     "Id=10.1.0.13,Port=82,AvailabilityZone=all", "RegisterTargets",
     {"TargetGroupArn": "web", "Targets": [
         {"Id": "10.1.0.11", "Port": 80}, {"Id": "10.1.0.12"}, {"Id": "fd00::11", "Port": 81}, {"Id": "fd00::12"},
         {"Id": "10.1.0.13", "Port": 82, "AvailabilityZone": "all"}]}),
    ("deregister-targets --target-group web --targets 10.1.0.11:80", "DeregisterTargets",
     {"TargetGroupArn": "web", "Targets": [{"Id": "10.1.0.11", "Port": 80}]}),
    ("describe-target-health --target-group-arn " + GROUP, "DescribeTargetHealth", {"TargetGroupArn": GROUP}),
    ("describe-target-health --target-group web --targets 10.1.0.11:80", "DescribeTargetHealth",
     {"TargetGroupArn": "web", "Targets": [{"Id": "10.1.0.11", "Port": 80}]}),
    ("create-listener --load-balancer shop --protocol TCP --port 80 --target-group web", "CreateListener",
     {"LoadBalancerArn": "shop", "Protocol": "TCP", "Port": 80,
      "DefaultActions": [{"Type": "forward", "TargetGroupArn": "web"}]}),
    ("create-listener --load-balancer shop --protocol UDP --port 53 --default-actions "
     "Type=forward,TargetGroupArn=dns", "CreateListener",
     {"LoadBalancerArn": "shop", "Protocol": "UDP", "Port": 53,
      "DefaultActions": [{"Type": "forward", "TargetGroupArn": "dns"}]}),
    ('create-listener --load-balancer shop --protocol UDP --port 53 --default-actions '
     '[{"Type":"forward","TargetGroupArn":"dns"}]', "CreateListener",
     {"LoadBalancerArn": "shop", "Protocol": "UDP", "Port": 53,
      "DefaultActions": [{"Type": "forward", "TargetGroupArn": "dns"}]}),
    ("describe-listeners --load-balancer shop", "DescribeListeners", {"LoadBalancerArn": "shop"}),
    ("describe-listeners --listener-arns " + LISTENER, "DescribeListeners", {"ListenerArns": [LISTENER]}),
    ("modify-listener --listener-arn " + LISTENER + " --port 81 --target-group web-2", "ModifyListener",
     {"ListenerArn": LISTENER, "Port": 81, "DefaultActions": [{"Type": "forward", "TargetGroupArn": "web-2"}]}),
    ("delete-listener --listener " + LISTENER, "DeleteListener", {"ListenerArn": LISTENER}),
    ("modify-listener-attributes --listener " + LISTENER + " --attributes tcp.idle_timeout.seconds=600",
     "ModifyListenerAttributes",
     {"ListenerArn": LISTENER, "Attributes": [{"Key": "tcp.idle_timeout.seconds", "Value": "600"}]}),
    ("describe-listener-attributes --listener " + LISTENER, "DescribeListenerAttributes", {"ListenerArn": LISTENER}),
    ("status", "Status", {}),
    ("status --target-groups web dns", "Status", {"TargetGroups": ["web", "dns"]}),
]


@pytest.mark.parametrize("line,method,params", PARSED, ids=[p[0][:60] for p in PARSED])
def test_a_command_line_becomes_the_methods_parameters(daemon, line, method, params):
    done = ask(daemon, *line.split())
    assert done.returncode == 0, done.stderr
    assert daemon.requests == [(method, params)]


def test_every_method_has_a_command_that_is_tried_above():
    assert {p[1] for p in PARSED} == set(methods())


def test_global_options_may_stand_anywhere(daemon):
    for line in (["--json", "--socket", daemon.path, "status"], ["status", "--json", "--socket", daemon.path],
                 ["status", "--socket=" + daemon.path, "--json"]):
        assert run(*line).stdout == "{}\n"
    assert run("status", "--json", env={"ANABRANCH_SOCKET": daemon.path}).stdout == "{}\n"


WRONG = [
    ("", "Usage: anabranch COMMAND"),
    ("statsu", "unknown command 'statsu': did you mean 'status'?"),
    ("CreateTargetGroup", "unknown command 'CreateTargetGroup': did you mean 'create-target-group'?"),
    ("frobnicate", "unknown command 'frobnicate': 'anabranch --help' lists them all"),
    ("create-target-group --nmae web", "unknown option --nmae: did you mean --name?"),
    ("create-target-group --proto TCP", "unknown option --proto: did you mean --protocol?"),
    ("create-target-group --zzzzzzzzzzzzz", "unknown option --zzzzzzzzzzzzz\n"),
    ("-x", "unknown option -x"),
    ("create-target-group --name web --port 80", "--protocol PROTOCOL is missing"),
    ("create-listener --load-balancer a --protocol TCP --port 80", "--target-group NAME is missing"),
    ("delete-target-group", "--target-group NAME is missing"),
    ("create-target-group --name", "--name needs a value: NAME"),
    ("create-target-group --name web --protocol SCTP --port 80", "--protocol: 'SCTP' is none of: TCP UDP TCP_UDP"),
    ("create-target-group --name web --protocol TCP --port http", "--port: 'http' is not a whole number"),
    ("create-target-group --name web --protocol TCP --port -1", "--port: '-1' is not a whole number"),
    ("create-target-group --name web --protocol TCP --port 99999999999", "is not a whole number"),
    ("create-target-group --name a --name b --protocol TCP --port 1", "--name: the value was given before"),
    ("create-listener --load-balancer a --protocol TCP --port 80 --target-group a --target-group b",
     "--target-group: the value was given before"),
    ("create-target-group web", "'web' is not an option: values follow their option"),
    ("status now", "'now' is not an option"),
    ("status --json=yes", "--json takes no value"),
    ("status --socket=", "--socket: the path is empty"),
    ("register-targets --target-group web --targets", "--targets needs at least one TARGET"),
    ("register-targets --target-group web --targets 10.1.0:80", "'10.1.0:80' is no target"),
    ("register-targets --target-group web --targets 10.1.0.1:0", "'10.1.0.1:0' is no target"),
    ("register-targets --target-group web --targets 10.1.0.1:65536", "is no target"),
    ("register-targets --target-group web --targets [fd00::1]", "is no target"),
    ("register-targets --target-group web --targets Id=10.1.0.1,Port=x", "Port=x: Port is a number"),
    ("register-targets --target-group web --targets Id=10.1.0.1,80", "'80' is not Name=value"),
    ("modify-target-group-attributes --target-group web --attributes stickiness.enabled",
     "'stickiness.enabled' is neither key=value nor Key=key,Value=value"),
    ("create-listener --load-balancer a --protocol TCP --port 80 --default-actions [{]", "JSON, at character"),
    ("rpc", "give a METHOD"),
    ("rpc Status [1]", "the parameters are no JSON object"),
    ("rpc Status {", "the parameters are no JSON object"),
    ("serve tcp 10.90.0.10:80", "give a PROTOCOL, an ADDRESS:PORT to serve and at least one TARGET"),
    ("serve icmp 10.90.0.10:80 10.1.0.11:80", "'icmp' is no protocol: tcp, udp and tcp_udp are"),
    ("serve tcp 10.90.0.10 10.1.0.11:80", "'10.90.0.10' is nothing to serve"),
    ("serve tcp 10.90.0.10:80 web", "'web' is no target"),
    ("serve tcp 10.90.0.10:80 10.1.0.11:80 [fd00::1]:80", "all IPv4 or all IPv6"),
    ("serve tcp [fd90::10]:80 10.1.0.11:80", "fd90::10 is IPv6, its targets are IPv4"),
    ("help status serve", "'serve' is one too many"),
    ("help statsu", "unknown command 'statsu': did you mean 'status'?"),
]


@pytest.mark.parametrize("line,says", WRONG, ids=[w[0][:60] or "nothing" for w in WRONG])
def test_a_wrong_command_line_says_what_would_be_right(daemon, line, says):
    done = ask(daemon, *line.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert daemon.requests == []


# ---- help, man page, completion: from the same table ----

def test_every_command_has_a_help_that_names_its_method():
    listed = commands()
    assert len(listed) == len(set(listed)) == len(methods()) + 4
    told = set()
    for command in listed:
        done = run(command, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"Usage: anabranch {command}")
        assert run("help", command).stdout == done.stdout
        assert max(len(line) for line in done.stdout.split("Examples:")[0].splitlines()[1:]) <= 80
        told |= set(re.findall(r"The method of the control socket is (\w+)\.", done.stdout))
    assert told == set(methods())


def test_examples_in_the_help_are_accepted(daemon):
    daemon.answers["DescribeListeners"] = {"Listeners": [
        {"ListenerArn": LISTENER, "Port": 80, "Protocol": "TCP",
         "DefaultActions": [{"Type": "forward", "TargetGroupArn": "vip-10-90-0-10-tcp-80"}]}]}
    daemon.answers["Status"] = {"zones": [{"prefixes": [{"subnet": "a", "prefix": "10.90.0.0/24"},
                                                        {"subnet": "a", "prefix": "fd00:90::/64"}]}]}
    nb = 0
    for command in commands():
        for example in re.findall(r"^  (anabranch .*)$", run(command, "--help").stdout, re.M):
            done = subprocess.run(example.replace("anabranch", f"{PROGRAM} --socket {daemon.path}", 1), shell=True,
                                  capture_output=True, text=True, timeout=30)
            assert done.returncode == 0, (example, done.stderr)
            nb += 1
    assert nb >= 12


def test_man_page_has_every_command_and_no_warnings(tmp_path):
    assert run("--generate-man", tmp_path).returncode == 0
    page = tmp_path / "anabranch.1"
    checked = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", page], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
    text = subprocess.run(["groff", "-man", "-Tascii", "-P-c", "-P-b", "-P-o", "-P-u", page], capture_output=True,
                          text=True).stdout
    for command in commands():
        assert re.search(rf"^   {command}$", text, re.M), command
        for flag in re.findall(r"^  (--[a-z-]+)", run(command, "--help").stdout, re.M):
            assert flag in text


def complete(*words):
    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _anabranch; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", os.environ["ANABRANCH_BUILD"] +
                           "/controlplane/cli/anabranch.bash", "anabranch", *words], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_completion_knows_commands_options_and_choices():
    assert set(complete("")) == set(commands())
    assert complete("desc", "--socket", "/x", "describe-target-h")[-1:] == ["describe-target-health"]
    assert "--health-check-path" in complete("create-target-group", "--heal")
    assert "--subnets" not in complete("create-target-group", "--")
    assert complete("create-target-group", "--protocol", "T") == ["TCP", "TCP_UDP"]
    assert set(complete("help", "serv")) == {"serve"}


def test_completion_asks_the_daemon_for_names(daemon, monkeypatch):
    daemon.answers["DescribeTargetGroups"] = {"TargetGroups": [{"TargetGroupName": "web"}, {"TargetGroupName": "dns"}]}
    daemon.answers["DescribeLoadBalancers"] = {"LoadBalancers": [{"LoadBalancerName": "shop"}]}
    monkeypatch.setenv("PATH", f"{PROGRAM.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("ANABRANCH_SOCKET", daemon.path)
    assert complete("describe-target-health", "--target-group", "") == ["web", "dns"]
    assert complete("create-listener", "--load-balancer", "s") == ["shop"]
    monkeypatch.setenv("ANABRANCH_SOCKET", "/nonexistent")
    assert complete("describe-target-health", "--target-group", "") == []


# ---- results ----

HEALTH = {"TargetHealthDescriptions": [
    {"Target": {"Id": "10.1.0.11", "Port": 80, "AvailabilityZone": "zone-a"}, "HealthCheckPort": "80",
     "TargetHealth": {"State": "healthy"}},
    {"Target": {"Id": "fd00::12", "Port": 8080, "AvailabilityZone": "zone-b"}, "HealthCheckPort": "80",
     "TargetHealth": {"State": "unhealthy", "Reason": "Target.ResponseCodeMismatch",
                      "Description": "Health checks failed with these codes: [404]"}}]}

TABLES = [
    ("describe-target-health --target-group web", "DescribeTargetHealth", HEALTH, """\
TARGET           ZONE    STATE      REASON                       DESCRIPTION
10.1.0.11:80     zone-a  healthy    -                            -
[fd00::12]:8080  zone-b  unhealthy  Target.ResponseCodeMismatch  Health checks failed with these codes: [404]
"""),
    ("describe-load-balancers", "DescribeLoadBalancers", {"LoadBalancers": [
        {"LoadBalancerArn": LB, "LoadBalancerName": "shop", "Scheme": "internet-facing", "State": {"Code": "active"},
         "AvailabilityZones": [
             {"ZoneName": "zone-a", "SubnetId": "subnet-a", "LoadBalancerAddresses": [{"IpAddress": "10.90.0.10"}]},
             {"ZoneName": "zone-b", "SubnetId": "subnet-b", "LoadBalancerAddresses": [
                 {"PrivateIPv4Address": "10.91.0.10", "IPv6Address": "fd00:91::10"}]}]}]}, """\
LOAD BALANCER  STATE   SCHEME           ZONE    SUBNET    ADDRESS
shop           active  internet-facing  zone-a  subnet-a  10.90.0.10
shop           active  internet-facing  zone-b  subnet-b  10.91.0.10, fd00:91::10
"""),
    ("describe-target-groups", "DescribeTargetGroups", {"TargetGroups": [
        {"TargetGroupArn": GROUP, "TargetGroupName": "web", "Protocol": "TCP", "Port": 80, "IpAddressType": "ipv4",
         "HealthCheckProtocol": "HTTP", "HealthCheckPort": "traffic-port", "HealthCheckPath": "/up",
         "Matcher": {"HttpCode": "200"}, "HealthCheckIntervalSeconds": 30, "HealthCheckTimeoutSeconds": 6,
         "HealthyThresholdCount": 5, "UnhealthyThresholdCount": 2, "LoadBalancerArns": [LB]}]}, """\
TARGET GROUP  PROTOCOL  PORT  FAMILY  CHECK                      EVERY  TIMEOUT  UP/DOWN AFTER  USED BY
web           TCP         80  ipv4    HTTP traffic-port /up 200   30 s      6 s  5/2            shop
"""),
    ("describe-listeners", "DescribeListeners", {"Listeners": [
        {"ListenerArn": LISTENER, "LoadBalancerArn": LB, "Protocol": "TCP", "Port": 80,
         "DefaultActions": [{"Type": "forward", "TargetGroupArn": GROUP}]},
        {"ListenerArn": LISTENER, "LoadBalancerArn": LB, "Protocol": "UDP", "Port": 5353,
         "DefaultActions": [{"Type": "forward",
                             "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": GROUP}]}}]}]}, """\
LISTENER   PROTOCOL  TARGET GROUP
shop:80    TCP       web
shop:5353  UDP       web
"""),
    ("describe-target-group-attributes --target-group web", "DescribeTargetGroupAttributes", {"Attributes": [
        {"Key": "stickiness.enabled", "Value": "false"},
        {"Key": "deregistration_delay.timeout_seconds", "Value": "300"}]}, """\
ATTRIBUTE                             VALUE
stickiness.enabled                    false
deregistration_delay.timeout_seconds  300
"""),
    ("describe-load-balancers", "DescribeLoadBalancers", {"LoadBalancers": []}, "no load balancers\n"),
    ("register-targets --target-group web --targets 10.1.0.1:1", "RegisterTargets", {}, "done\n"),
]


@pytest.mark.parametrize("line,method,result,table", TABLES, ids=[t[1] for t in TABLES])
def test_people_get_a_table(daemon, line, method, result, table):
    daemon.answers[method] = result
    done = ask(daemon, *line.split())
    assert (done.returncode, done.stdout, done.stderr) == (0, table, "")


@pytest.mark.parametrize("line,method,result,table", TABLES, ids=[t[1] for t in TABLES])
def test_machines_get_the_result_itself(daemon, line, method, result, table):
    daemon.answers[method] = result
    done = ask(daemon, "--json", *line.split())
    assert json.loads(done.stdout) == result
    assert list(json.loads(done.stdout)) == list(result)


@pytest.mark.parametrize("junk", [{}, [], "text", 7, None, {"TargetGroups": [7, None, {}]}, {"Listeners": {"a": 1}},
                                  {"LoadBalancers": [{"AvailabilityZones": [3]}]},
                                  {"TargetHealthDescriptions": [{"Target": 1}]}, {"Attributes": ["x"]},
                                  {"zones": 1, "target_groups": [[]], "dataplane": {"attached": True, "drops": [1]}}])
def test_a_result_of_another_shape_is_no_crash(daemon, junk):
    for line, method, _ in PARSED:
        daemon.answers[method] = junk
        assert ask(daemon, *line.split()).returncode == 0


def test_states_are_coloured_on_a_terminal_alone(daemon):
    daemon.answers["DescribeTargetHealth"] = HEALTH

    def on_terminal(**env):
        parent, child = pty.openpty()
        subprocess.run([PROGRAM, "--socket", daemon.path, "describe-target-health", "--target-group", "web"],
                       stdout=child, timeout=30, env={**os.environ, **env}, check=True)
        os.close(child)
        text = os.read(parent, 65536).decode()
        os.close(parent)
        return text

    assert "\033" not in ask(daemon, "describe-target-health", "--target-group", "web").stdout
    assert "\033[32mhealthy\033[0m" in on_terminal()
    assert "\033[31munhealthy\033[0m" in on_terminal()
    assert "\033" not in on_terminal(NO_COLOR="1")


def test_a_result_cannot_steer_the_terminal(daemon):
    daemon.answers["DescribeTargetGroupAttributes"] = {"Attributes": [{"Key": "a\033[2Jb", "Value": "c\nd"}]}
    out = ask(daemon, "describe-target-group-attributes", "--target-group", "web").stdout
    assert out.splitlines()[1].split() == ["a?[2Jb", "c?d"]
    daemon.answers["Status"] = Refusal("Odd\033[2J", "clear\033[2J")
    assert "\033" not in ask(daemon, "status").stderr


def test_a_change_that_the_workers_do_not_run_yet_is_told(daemon):
    daemon.answers["RegisterTargets"] = {"anabranch.Pending": True}
    done = ask(daemon, "register-targets", "--target-group", "web", "--targets", "10.1.0.1:1")
    assert done.returncode == 0
    assert "not every worker of the data plane runs it yet" in done.stderr


def test_rpc_calls_any_method(daemon):
    daemon.answers["Anything"] = {"b": [1, 2.5, None], "a": "ü"}
    done = ask(daemon, "rpc", "Anything", '{"x": {"y": [1]}}')
    assert json.loads(done.stdout) == daemon.answers["Anything"]
    assert daemon.requests == [("Anything", {"x": {"y": [1]}})]
    assert ask(daemon, "rpc", "Anything").returncode == 0
    assert daemon.requests[1][1] in (None, {})


# ---- listeners have no names in the API ----

TWO = {"Listeners": [{"ListenerArn": "arn:tcp", "Port": 53, "Protocol": "TCP"},
                     {"ListenerArn": "arn:udp", "Port": 53, "Protocol": "UDP"},
                     {"ListenerArn": "arn:web", "Port": 80, "Protocol": "TCP"}]}


@pytest.mark.parametrize("text,arn", [("shop:80", "arn:web"), ("shop:53/udp", "arn:udp"), ("shop:53/TCP", "arn:tcp")])
def test_a_listener_is_found_by_load_balancer_and_port(daemon, text, arn):
    daemon.answers["DescribeListeners"] = TWO
    assert ask(daemon, "delete-listener", "--listener", text).returncode == 0
    assert daemon.requests == [("DescribeListeners", {"LoadBalancerArn": "shop"}),
                               ("DeleteListener", {"ListenerArn": arn})]


@pytest.mark.parametrize("text,says", [("shop:81", "has no listener at port 81"),
                                       ("shop:53", "has several listeners at port 53: add /TCP or /UDP"),
                                       ("shop:80/UDP", "has no listener at port 80/UDP"),
                                       ("shop", "'shop' is no listener: LOAD-BALANCER:PORT")])
def test_a_listener_that_is_not_there_is_told(daemon, text, says):
    daemon.answers["DescribeListeners"] = TWO
    done = ask(daemon, "delete-listener", "--listener", text)
    assert done.returncode == 1
    assert "ListenerNotFound" in done.stderr and says in done.stderr
    assert "DeleteListener" not in [m for m, _ in daemon.requests]


def test_listeners_of_both_families_are_told_apart_by_arn(daemon):
    daemon.answers["DescribeListeners"] = {"Listeners": [
        {"ListenerArn": "arn:v4", "Port": 7, "Protocol": "TCP_UDP"},
        {"ListenerArn": "arn:v6", "Port": 7, "Protocol": "TCP_UDP"}]}
    done = ask(daemon, "delete-listener", "--listener", "d:7/TCP_UDP")
    assert done.returncode == 1
    assert "at port 7/TCP_UDP: give an ARN of 'anabranch describe-listeners --json'" in done.stderr


# ---- exit codes ----

def test_a_refusal_prints_its_code_and_exits_1(daemon):
    daemon.answers["DeleteTargetGroup"] = Refusal("ResourceInUse", "Target group 'web' is in use")
    done = ask(daemon, "delete-target-group", "--target-group", "web")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "anabranch delete-target-group: ResourceInUse: Target group 'web' is in use\n"
    daemon.answers["DeleteTargetGroup"] = Refusal(None, "no such method", rpc=-32601)
    done = ask(daemon, "delete-target-group", "--target-group", "web")
    assert (done.returncode, "MethodNotFound: no such method" in done.stderr) == (1, True)


def test_a_missing_socket_is_told_and_exits_3(tmp_path):
    done = run("--socket", tmp_path / "none.sock", "status")
    assert done.returncode == 3
    assert "no control socket at" in done.stderr and "start anabranchd" in done.stderr
    done = run("--socket", "/" + "x" * 200, "status")
    assert (done.returncode, "at most 107 characters" in done.stderr) == (3, True)


def test_a_socket_that_nobody_listens_at_is_told_and_exits_3(daemon):
    daemon.close()
    done = ask(daemon, "status")
    assert (done.returncode, "nobody listens at" in done.stderr) == (3, True)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become somebody else")
def test_a_lack_of_permission_names_the_group_and_exits_3(tmp_path):
    import grp
    directory = Path("/tmp") / f"anabranch-test-cli-{os.getpid()}"
    directory.mkdir(mode=0o755)
    daemon = FakeDaemon(directory / "control.sock")
    try:
        os.chown(daemon.path, 0, grp.getgrnam("daemon").gr_gid)
        os.chmod(daemon.path, 0o660)
        program = shutil.copy(PROGRAM, directory / "anabranch")
        done = subprocess.run([program, "--socket", daemon.path, "status"], capture_output=True, text=True, user=65534,
                              group=65534, extra_groups=[], timeout=30, env={})
        assert done.returncode == 3
        assert "no permission to use" in done.stderr and "usermod -aG daemon USER" in done.stderr
        os.chown(directory, 0, grp.getgrnam("bin").gr_gid)
        outside = shutil.copy(PROGRAM, "/tmp/" + directory.name + ".program")
        os.chmod(directory, 0o750)
        done = subprocess.run([outside, "--socket", daemon.path, "status"], capture_output=True, text=True, user=65534,
                              group=65534, extra_groups=[], timeout=30, env={}, cwd="/")
        os.unlink(outside)
        assert (done.returncode, "usermod -aG bin USER" in done.stderr) == (3, True)
    finally:
        daemon.close()
        shutil.rmtree(directory)


@pytest.mark.parametrize("raw,says", [(b"", "closed the connection before it answered"),
                                      (b"hello\n", "is no JSON"),
                                      (b"7\n", "neither a result nor an error"),
                                      (b'{"id": 99, "result": {}}\n', "for another request")])
def test_a_daemon_that_is_none_exits_3(tmp_path, raw, says):
    daemon = FakeDaemon(tmp_path / "s", raw=raw)
    done = ask(daemon, "status")
    daemon.close()
    assert (done.returncode, done.stdout) == (3, "")
    assert says in done.stderr


# ---- status ----

STATUS = {
    "daemon": {"version": "0.1.0", "pid": 42, "uptime_s": 7300, "revision": 17, "problem": ""},
    "dataplane": {
        "attached": True, "version": "0.1.0", "pid": 41, "uptime_s": 90, "hugepages": False, "problem": "",
        "kernel_error": "", "workers": [{"worker": 0, "alive_ms_ago": 0}, {"worker": 1, "alive_ms_ago": 3}],
        "ports": [{"name": "net_af_xdp0", "link_up": True}],
        "rates": {"received": 1234567, "to_target": 700000, "to_client": 534567, "flows_new": 950},
        "drops": [{"reason": "no_listener", "help": "no listener at this address", "packets": 7, "packets_per_s": 0}],
        "flow_table": {"capacity": 1310720, "used": 12345, "ipv4": {"capacity": 1048576, "used": 12245},
                       "ipv6": {"capacity": 262144, "used": 100}}, "publisher": {"silent_consumers": []}},
    "zones": [{"name": "zone-a", "addresses": 2, "targets": 2, "healthy": 1}],
    "listeners": [{"load_balancer": "shop", "protocol": "TCP", "port": 80, "target_group": "web",
                   "addresses": ["10.90.0.10", "fd00:90::10"], "packets_per_s": 100, "bytes_per_s": 125000,
                   "flows_new_per_s": 5, "drops_per_s": 12}],
    "target_groups": [{
        "name": "web", "load_balancer": "shop", "registered": 2, "states": {"healthy": 1, "unhealthy": 1},
        "fail_open": False, "packets_per_s": 100, "bytes_per_s": 125000, "flows_new_per_s": 5, "flows": 3,
        "targets_omitted": 0, "targets": [
            {"id": "10.1.0.11", "port": 80, "zone": "zone-a", "state": "healthy", "description": "", "flows": 3,
             "packets_per_s": 100, "bytes_per_s": 125000, "flows_new_per_s": 5},
            {"id": "fd00::12", "port": 80, "zone": "zone-a", "state": "unhealthy",
             "description": "Request timed out", "flows": None, "packets_per_s": 0, "bytes_per_s": 0,
             "flows_new_per_s": 0}]}]}

AT_A_GLANCE = """\
! target group web: 1 of 2 targets are unhealthy

control plane  0.1.0, process 42, up 2 h, configuration 17
data plane     0.1.0, process 41, up 90 s, 2 workers, huge pages: none
traffic        per second: 1.2 M packets received, 700.0 k to targets, 534.6 k to clients, 0 dropped, 950 new flows
flow table     12.2 k of 1.0 M IPv4 flows, 100 of 262.1 k IPv6 flows

ZONE    ADDRESSES  TARGETS  HEALTHY
zone-a          2        2        1

LISTENER  PROTOCOL  TARGET GROUP  PACKETS/S  BITS/S  NEW FLOWS/S  DROPPED/S  ADDRESSES
shop:80   TCP       web                 100   1.0 M            5         12  10.90.0.10, fd00:90::10

TARGET GROUP     ZONE    STATE           FLOWS  PACKETS/S  BITS/S  NEW FLOWS/S  WHY
web                      1 of 2 healthy      3        100   1.0 M            5
  10.1.0.11:80   zone-a  healthy             3        100   1.0 M            5
  [fd00::12]:80  zone-a  unhealthy           -          0       0            0  Request timed out

DROPPED FOR  PACKETS  PACKETS/S  MEANS
no_listener        7          0  no listener at this address
"""


def test_status_shows_all_at_a_glance(daemon):
    daemon.answers["Status"] = STATUS
    done = ask(daemon, "status")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == AT_A_GLANCE


def changed(**dataplane):
    return {**STATUS, "dataplane": {**STATUS["dataplane"], **dataplane}}


FLOOD = changed(rates={"flows_evicted": 19800}, flow_table={"ipv4": {"capacity": 4096, "used": 4090},
                                                            "ipv6": {"capacity": 1024, "used": 30}},
                drops=[{"reason": "flow_table_full", "help": "no room", "packets": 9, "packets_per_s": 3}])


def test_status_says_what_a_full_table_gives_up(daemon):
    daemon.answers["Status"] = FLOOD
    assert "\nflow table     4090 of 4096 IPv4 flows, 30 of 1024 IPv6 flows; 19.8 k a second made room for others\n" in \
        ask(daemon, "status").stdout


PROBLEMS = [
    (changed(attached=False, why="no socket at /run/x: start it"), "! data plane: not attached: no socket at /run/x"),
    (changed(problem="generation 7 was refused"), "! data plane: generation 7 was refused"),
    (changed(kernel_error="nftables: not permitted"), "! kernel: nftables: not permitted"),
    (changed(workers=[{"worker": 3, "alive_ms_ago": 9000}]), "! worker 3 of the data plane has shown no life for 9 s"),
    (changed(ports=[{"name": "eth9", "link_up": 0}]), "! port eth9 has no link"),
    (changed(ports=[{"name": "eth9", "link_up": True, "rx_missed_per_s": 12345}]),
     "! port eth9: 12.3 k packets a second are lost before the data plane: its workers do not keep up"),
    (FLOOD, "! flow table: IPv4 is full: per second, 19.8 k half-open, closing or unconfirmed flows made room and 3 new ones "
     "were refused; established flows stay; most new flows come to shop:80 (TCP), 5 a second"),
    (changed(rates={"flows_evicted": 1}), "! flow table: parts are full: per second, 1 half-open"),
    (changed(publisher={"silent_consumers": [1]}), "! 1 of the data plane's cores have not taken over"),
    ({**STATUS, "daemon": {**STATUS["daemon"], "problem": "disk full"}}, "! control plane: disk full"),
    ({**STATUS, "target_groups": [{**STATUS["target_groups"][0], "fail_open": True}]},
     "! target group web: no target is healthy; traffic goes to all of them"),
    ({**STATUS, "target_groups": [{**STATUS["target_groups"][0], "registered": 0, "states": {}}]},
     "! target group web has no targets: its listeners drop everything"),
]


@pytest.mark.parametrize("status,says", PROBLEMS, ids=[p[1][2:40] for p in PROBLEMS])
def test_status_says_first_what_is_wrong(daemon, status, says):
    daemon.answers["Status"] = status
    lines = ask(daemon, "status").stdout.splitlines()
    problems = lines[:lines.index("")]
    assert any(line.startswith(says) for line in problems), lines


def test_status_without_a_problem_has_no_complaint(daemon):
    daemon.answers["Status"] = {**STATUS, "target_groups": []}
    out = ask(daemon, "status").stdout
    assert "!" not in out
    assert out.startswith("control plane")
    assert "no target groups yet" in out


# ---- serve ----

class Objects:
    """As much of the daemon as 'serve' needs."""

    def __init__(self, daemon, fail=None):
        self.lbs, self.groups, self.listeners, self.fail = {}, {}, {}, fail
        for method in methods():
            if hasattr(self, method):
                daemon.answers[method] = self.handler(method)

    def handler(self, method):
        def handle(params):
            if method == self.fail:
                raise Refusal("TooManyThings", f"no more {method}")
            return getattr(self, method)(params)
        return handle

    def Status(self, params):
        return {"zones": [{"name": "zone-a", "prefixes": [{"subnet": "subnet-a", "prefix": "10.90.0.0/24"},
                                                          {"subnet": "subnet-a", "prefix": "fd00:90::/61"}]},
                          {"name": "zone-b", "prefixes": [{"subnet": "subnet-b", "prefix": "10.91.0.0/16"},
                                                          {"subnet": "subnet-t", "prefix": "10.1.0.0/29"},
                                                          {"subnet": "subnet-t", "prefix": "10.1.0.8/29"}]}]}

    def DescribeLoadBalancers(self, params):
        if params["Names"][0] not in self.lbs:
            raise Refusal("LoadBalancerNotFound", "none")
        return {"LoadBalancers": [self.lbs[params["Names"][0]]]}

    def CreateLoadBalancer(self, params):
        if self.lbs.setdefault(params["Name"], params) != params:
            raise Refusal("DuplicateLoadBalancerName", "with other settings")
        return {"LoadBalancers": [params]}

    def DeleteLoadBalancer(self, params):
        del self.lbs[params["LoadBalancerArn"]]
        return {}

    def DescribeTargetGroups(self, params):
        if params["Names"][0] not in self.groups:
            raise Refusal("TargetGroupNotFound", "none")
        return {"TargetGroups": [{}]}

    def CreateTargetGroup(self, params):
        self.groups[params["Name"]] = {"made": params, "targets": []}
        return {"TargetGroups": [{}]}

    def ModifyTargetGroupAttributes(self, params):
        self.groups[params["TargetGroupArn"]]["attributes"] = params["Attributes"]
        return {"Attributes": []}

    def DeleteTargetGroup(self, params):
        del self.groups[params["TargetGroupArn"]]
        return {}

    def DescribeTargetHealth(self, params):
        return {"TargetHealthDescriptions": [{"Target": t, "TargetHealth": {"State": "initial"}}
                                             for t in self.groups[params["TargetGroupArn"]]["targets"]]}

    def RegisterTargets(self, params):
        self.groups[params["TargetGroupArn"]]["targets"] += params["Targets"]
        return {}

    def DeregisterTargets(self, params):
        targets = self.groups[params["TargetGroupArn"]]["targets"]
        for target in params["Targets"]:
            targets.remove(target)
        return {}

    def DescribeListeners(self, params):
        return {"Listeners": [x for x in self.listeners.values() if x["LoadBalancerArn"] == params["LoadBalancerArn"]]}

    def CreateListener(self, params):
        arn = f"arn:{len(self.listeners)}"
        self.listeners[arn] = {"ListenerArn": arn, **params}
        return {"Listeners": [self.listeners[arn]]}

    def DeleteListener(self, params):
        del self.listeners[params["ListenerArn"]]
        return {}

    def everything(self):
        return json.dumps([self.lbs, self.groups, self.listeners])


SERVE = ["serve", "tcp", "10.90.0.10:80", "10.1.0.11:8080", "10.1.0.12"]


def test_serve_makes_everything_at_once(daemon):
    objects = Objects(daemon)
    done = ask(daemon, *SERVE)
    assert (done.returncode, done.stderr) == (0, "")
    assert objects.lbs == {"vip-10-90-0-10": {
        "Name": "vip-10-90-0-10", "IpAddressType": "ipv4",
        "SubnetMappings": [{"SubnetId": "subnet-a", "PrivateIPv4Address": "10.90.0.10"}]}}
    assert objects.groups == {"vip-10-90-0-10-tcp-80": {
        "made": {"Name": "vip-10-90-0-10-tcp-80", "Protocol": "TCP", "Port": 8080, "IpAddressType": "ipv4"},
        "attributes": [{"Key": "load_balancing.cross_zone.enabled", "Value": "true"}],
        "targets": [{"Id": "10.1.0.11", "Port": 8080}, {"Id": "10.1.0.12", "Port": 80}]}}
    assert list(objects.listeners.values()) == [{
        "ListenerArn": "arn:0", "LoadBalancerArn": "vip-10-90-0-10", "Protocol": "TCP", "Port": 80,
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": "vip-10-90-0-10-tcp-80"}]}]
    assert done.stdout == """\
OBJECT         NAME                   STATE
load balancer  vip-10-90-0-10         made
target group   vip-10-90-0-10-tcp-80  made
targets        2                      registered
listener       vip-10-90-0-10:80/TCP  made

Whether the targets are healthy: anabranch describe-target-health --target-group vip-10-90-0-10-tcp-80
"""


def test_serve_twice_is_the_same_as_once(daemon):
    objects = Objects(daemon)
    ask(daemon, *SERVE)
    before = objects.everything()
    done = ask(daemon, *SERVE)
    assert done.returncode == 0
    assert objects.everything() == before
    assert done.stdout.count("was there") == 3 and "were there" in done.stdout
    assert ask(daemon, *SERVE, "10.1.0.13:80").returncode == 0
    assert len(objects.groups["vip-10-90-0-10-tcp-80"]["targets"]) == 3


@pytest.mark.parametrize("fail", ["DescribeLoadBalancers", "Status", "CreateLoadBalancer", "DescribeTargetGroups",
                                  "CreateTargetGroup", "ModifyTargetGroupAttributes", "DescribeTargetHealth",
                                  "RegisterTargets", "DescribeListeners", "CreateListener"])
def test_serve_takes_back_what_it_made_when_a_step_fails(daemon, fail):
    objects = Objects(daemon, fail=fail)
    done = ask(daemon, *SERVE)
    assert done.returncode == 1
    assert done.stderr.endswith(f"anabranch serve: TooManyThings: no more {fail}\n")
    assert (objects.lbs, objects.groups, objects.listeners) == ({}, {}, {})


def test_serve_leaves_what_was_there_when_a_step_fails(daemon):
    objects = Objects(daemon)
    ask(daemon, *SERVE)
    before = objects.everything()
    objects.fail = "DescribeListeners"
    assert ask(daemon, *SERVE, "10.1.0.13:80").returncode == 1
    assert objects.everything() == before


def test_serve_does_not_take_over_a_port(daemon):
    objects = Objects(daemon)
    ask(daemon, *SERVE)
    next(iter(objects.listeners.values()))["DefaultActions"][0]["TargetGroupArn"] = "other"
    before = objects.everything()
    done = ask(daemon, *SERVE)
    assert (done.returncode, "DuplicateListener" in done.stderr) == (1, True)
    assert objects.everything() == before


def test_serve_takes_names_subnets_and_ipv6(daemon):
    objects = Objects(daemon)
    done = ask(daemon, "serve", "udp", "[fd00:90::10]:53", "[fd00:1::11]:5353", "--name", "dns", "--json")
    assert json.loads(done.stdout) == {
        "LoadBalancerName": "dns", "TargetGroupName": "dns-udp-53", "ListenerArn": "arn:0",
        "Made": {"LoadBalancer": True, "TargetGroup": True, "Listener": True,
                 "Targets": [{"Id": "fd00:1::11", "Port": 5353, "AvailabilityZone": "all"}]}}
    assert objects.lbs["dns"]["SubnetMappings"] == [{"SubnetId": "subnet-a", "IPv6Address": "fd00:90::10"}]
    assert objects.lbs["dns"]["IpAddressType"] == "dualstack"
    assert objects.groups["dns-udp-53"]["made"]["IpAddressType"] == "ipv6"
    assert ask(daemon, "serve", "tcp_udp", "[2001:db8:1234:5678:9abc:def0:1234:5678]:53", "[fd00:1::11]:53",
               "--subnet", "subnet-z").returncode == 0
    assert all(len(name) <= 32 and re.fullmatch("[a-z0-9-]+", name) for name in [*objects.lbs, *objects.groups])
    assert {m["SubnetId"] for lb in objects.lbs.values() for m in lb["SubnetMappings"]} == {"subnet-a", "subnet-z"}


def test_serve_says_when_no_subnet_holds_the_address(daemon):
    Objects(daemon)
    done = ask(daemon, "serve", "tcp", "10.92.0.1:80", "10.1.0.11:80")
    assert (done.returncode, "no subnet of anabranchd's file holds 10.92.0.1" in done.stderr) == (1, True)
