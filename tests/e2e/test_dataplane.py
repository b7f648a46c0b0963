# SPDX-License-Identifier: BSD-3-Clause
"""The dataplane's program by itself: start, ports, attach, the way to the kernel, stop."""
import os
import signal
import socket
import subprocess
import time

import pytest
from dataplane import BAD_VERSION, FOUR_WORKERS, HELD, OK, STATS
from lab import Wire, inside
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether

BROADCAST = "ff:ff:ff:ff:ff:ff"


def eventually(holds, what, seconds=5):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def null(number=0):
    return {"name": f"null{number}", "device": f"net_null{number},no-rx=1"}


def datagram(n, source="192.0.2.1"):
    return bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src=source, dst="198.51.100.1") /
                 UDP(sport=1024 + n, dport=9) / (b"%04d" % n))


# ---- start and stop ----

def test_it_starts_attaches_and_stops_cleanly_on_sigterm_and_sigint(make):
    dataplane = make([null()])
    sessions = set()
    for number in (signal.SIGTERM, signal.SIGINT):
        dataplane.start()
        attached = dataplane.attach()
        assert (attached.status, attached.instance) == (OK, dataplane.config["instance"])
        assert attached.dataplane == attached.stats().header["pid"] == dataplane.process.pid
        sessions.add(attached.session)
        assert dataplane.stop(number) == 0, dataplane.log()
        assert attached.socket.recv(1) == b"", "the end of the dataplane is the end of the connection"
        assert not dataplane.socket.exists()
        attached.close()
    assert len(sessions) == 2, "each start is a session of its own"


def test_it_comes_back_after_a_kill(make):
    dataplane = make([null()]).start()
    assert dataplane.stop(signal.SIGKILL) == -signal.SIGKILL
    assert dataplane.socket.exists(), "nobody could tidy up"
    dataplane.start()
    attached = dataplane.attach()
    assert attached.status == OK
    attached.close()
    assert dataplane.stop() == 0, dataplane.log()


@pytest.mark.parametrize("huge", [False, "auto"])
def test_it_runs_with_and_without_huge_pages(make, huge):
    dataplane = make([null()], memory={"huge": huge, "mbufs": 16384}).start()
    attached = dataplane.attach()
    said = "in huge pages," in dataplane.log()
    assert attached.stats().header["hugepages"] == said and not (said and huge is False), dataplane.log()
    attached.close()
    assert dataplane.stop() == 0, dataplane.log()


def test_a_second_one_in_the_same_directory_is_refused(make):
    dataplane = make([null()]).start()
    second = dataplane.run()
    assert second.returncode == 4
    assert f"process {dataplane.process.pid} has it: stop that dataplane" in second.stderr
    attached = dataplane.attach()
    assert attached.status == OK, "the first one is not disturbed"
    attached.close()


def test_withdrawing_does_nothing_while_it_runs(make):
    dataplane = make([null()]).start()
    done = dataplane.run("--withdraw")
    assert done.returncode == 0
    assert f"process {dataplane.process.pid} runs instance" in done.stderr


def test_a_wrong_configuration_has_exit_code_3(make):
    dataplane = make([null() | {"queue": 1}])
    for option in ("--check", "--verbose"):
        done = dataplane.run(option)
        assert done.returncode == 3
        assert f"{dataplane.file}: ports[0].queue: unknown key; expected one of: name, device" in done.stderr


def test_check_takes_a_good_configuration_without_starting(make):
    dataplane = make([{"device": "net_af_packet,iface=nowhere"}])
    done = dataplane.run("--check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "fine" in done.stdout


@pytest.mark.parametrize("port, message", [
    ({"device": "net_af_packet,iface=nowhere"}, "port port0: interface nowhere: there is none of that name here"),
    ({"device": "net_pcap,rx_pcap=/nonexistent"}, 'port port0: the device "net_pcap0,rx_pcap=/nonexistent" can\'t be made'),
    ({"device": "net_nothing"}, 'port port0: the device "net_nothing0," can\'t be made'),
    ({"device": "net_tap,iface=wire0", "queues": 17}, 'port port0: "queues" is 17, but its device has at most 16'),
])
def test_a_port_that_cannot_be_made_is_named(make, port, message):
    done = make([port]).run()
    assert done.returncode == 1
    assert message in done.stderr


def test_huge_pages_that_cannot_be_had_are_named(make):
    done = make([null()], memory={"huge": True, "megabytes": 1048576}).run()
    assert done.returncode == 1
    assert "memory: 1048576 MB in huge pages are wanted" in done.stderr
    assert "/proc/sys/vm/nr_hugepages" in done.stderr


def test_a_run_directory_without_a_parent_is_named(make):
    done = make([null()], run_dir="/run/anabranch-none/x").run()
    assert done.returncode == 1
    assert "run_dir /run/anabranch-none/x: No such file or directory: make the directory above it first" in done.stderr


def test_a_lock_that_is_a_link_is_refused(make, tmp_path):
    (tmp_path / "dataplane.lock").symlink_to(tmp_path / "elsewhere")
    done = make([null()], run_dir=str(tmp_path)).run()
    assert done.returncode == 1
    assert "dataplane.lock is a symbolic link, expected a file" in done.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_lcores_that_eal_does_not_take_are_named(make):
    done = make([null()], workers={"lcores": "(0-4"}).run()
    assert done.returncode == 1
    assert "are workers.lcores and memory right?" in done.stderr
    assert "EAL common options" not in done.stdout + done.stderr


# ---- rights ----

def test_workers_have_no_capabilities_and_the_main_thread_only_the_networks(make):
    dataplane = make([null()]).start()
    network = 1 << 12 | 1 << 13 | 1 << 39
    eventually(lambda: all(not caps & ~network for _, _, caps in dataplane.threads()), "fewer capabilities")
    workers = [caps for name, _, caps in dataplane.threads() if "worker" in name]
    assert workers and not any(workers), dataplane.threads()


# ---- attach ----

def test_a_second_control_plane_is_refused_until_the_first_is_gone(make):
    dataplane = make([null()]).start()
    first, second = dataplane.attach(), dataplane.attach()
    assert (first.status, second.status, second.fds) == (OK, HELD, [])
    assert second.holder == os.getpid() and f"process {os.getpid()} holds instance" in second.text
    first.close()
    second.close()

    def free():
        third = dataplane.attach()
        third.close()
        return third.status == OK
    eventually(free, "the instance is free again")


def test_another_abi_version_is_refused(make):
    dataplane = make([null()]).start()
    wrong = dataplane.attach(version=4711)
    assert (wrong.status, wrong.fds) == (BAD_VERSION, [])
    assert "ABI version 4711, expected" in wrong.text
    wrong.close()


def test_the_statistics_cannot_be_written(make):
    dataplane = make([null()]).start()
    attached = dataplane.attach()
    with pytest.raises(OSError):
        os.pwrite(attached.fds[STATS], b"x", 0)
    attached.close()


def test_all_workers_and_the_main_lcore_are_alive(make):
    dataplane = make([null()], workers=FOUR_WORKERS).start()
    attached = dataplane.attach()
    before = attached.stats()
    assert before.header["nb_workers"] == 4

    def rose():
        now = attached.stats()
        return now.header["main_alive_ms"] > before.header["main_alive_ms"] and all(
            b["alive_ms"] > a["alive_ms"] for a, b in zip(before.workers, now.workers))
    eventually(rose, "every heartbeat rises")
    attached.close()


# ---- packets ----

def test_four_workers_over_four_af_packet_queues_on_two_cpus(namespace, make):
    namespace.veth("lb0", "far0")
    dataplane = make([{"name": "front", "device": "net_af_packet,iface=lb0", "queues": 4}], workers=FOUR_WORKERS).start()
    attached = dataplane.attach()
    port = attached.stats().ports[0]
    assert (port["interface"], port["queues"], port["driver"]) == ("lb0", 4, "net_af_packet")
    allowed = "0-1" if (os.cpu_count() or 1) > 1 else "0"
    assert [cpus for name, cpus, _ in dataplane.threads() if "worker" in name] == [allowed] * 4

    wire = Wire(namespace.name, "far0")
    for n in range(400):
        wire.send(datagram(n))
    eventually(lambda: attached.stats().total("received") >= 400, "all 400 received")
    stats = attached.stats()
    shares = [w["counters"]["received"] for w in stats.workers]
    assert all(shares), f"a worker without a packet: {shares}"
    assert stats.conserved()
    wire.close()
    attached.close()
    assert dataplane.stop() == 0, dataplane.log()


def test_four_workers_over_four_tap_queues(namespace, make):
    dataplane = make([{"device": "net_tap,iface=wire0", "queues": 4}], workers=FOUR_WORKERS).start()
    attached = dataplane.attach()
    wire = Wire(namespace.name, "wire0")
    for n in range(400):
        wire.send(datagram(n))
    eventually(lambda: attached.stats().total("received") >= 400, "all 400 received")
    shares = [w["counters"]["received"] for w in attached.stats().workers]
    assert sum(map(bool, shares)) > 1, f"one worker got everything: {shares}"
    assert attached.stats().conserved()
    wire.close()
    attached.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_af_xdp_port_keeps_its_steering_when_the_process_ends_and_comes_back(namespace, make, number):
    namespace.veth("lb0", "far0")
    dataplane = make([{"device": "net_af_xdp,iface=lb0"}])
    for _ in range(2):
        dataplane.start()
        attached = dataplane.attach()
        assert attached.stats().ports[0]["interface"] == "lb0"
        assert attached.stats().header["kernel_errors"] == 0, attached.stats().header["kernel_error"]
        attached.close()
        assert namespace.has_xdp("lb0")
        dataplane.stop(number)
        assert namespace.has_xdp("lb0"), dataplane.log()


SAME_MAC = ",mac=02:00:00:00:00:0a"  # without it the device draws one at each start


def twin(make, mac=""):
    return make([{"name": "lan0", "device": "net_tap,iface=wire0" + mac, "kernel": "twin", "queues": 1}])


def test_a_twin_is_the_ports_interface_in_the_kernel_both_ways(namespace, make):
    dataplane = twin(make).start()
    attached = dataplane.attach()
    port = attached.stats().ports[0]
    assert port["interface"] == "lan0"
    wire, kernel = Wire(namespace.name, "wire0"), Wire(namespace.name, "lan0")
    assert kernel.mac.hex(":") == port["mac"]

    wire.send(datagram(1))
    assert kernel.receive(lambda f: f[-4:] == b"0001") == datagram(1), "from the wire to the kernel"
    kernel.send(datagram(2))
    assert wire.receive(lambda f: f[-4:] == b"0002") == datagram(2), "from the kernel to the wire"

    # the kernel's own ARP goes both ways: it answers for its address, at the twin
    namespace.ip("addr", "add", "192.0.2.10/24", "dev", "lan0")
    wire.send(Ether(src="02:00:00:00:00:01", dst=BROADCAST) / ARP(hwsrc="02:00:00:00:00:01", psrc="192.0.2.1",
                                                                    pdst="192.0.2.10"))
    answer = wire.receive(lambda f: f[12:14] == b"\x08\x06" and f[20:22] == b"\x00\x02")
    assert answer is not None and Ether(answer)[ARP].hwsrc == port["mac"]
    assert attached.stats().conserved()
    assert attached.stats().total("from_kernel") >= 2
    for end in (wire, kernel, attached):
        end.close()


@pytest.mark.parametrize("mac", ["", SAME_MAC], ids=["drawn", "same"])
def test_a_twin_keeps_its_addresses_over_a_kill(namespace, make, mac):
    dataplane = twin(make, mac).start()
    namespace.ip("addr", "add", "192.0.2.10/24", "dev", "lan0")
    dataplane.stop(signal.SIGKILL)
    dataplane.start()
    with inside(namespace.name):
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("192.0.2.10", 9))
    receiver.settimeout(5)
    attached = dataplane.attach()
    wire = Wire(namespace.name, "wire0")
    wire.send(Ether(src="02:00:00:00:00:01", dst=attached.stats().ports[0]["mac"]) /
              IP(src="192.0.2.1", dst="192.0.2.10") / UDP(sport=1, dport=9) / b"hello")
    assert receiver.recv(100) == b"hello"
    for end in (wire, receiver, attached):
        end.close()


def test_a_twin_with_the_same_mac_keeps_its_neighbours_over_a_kill(namespace, make):
    """With another, Linux forgets them."""
    dataplane = twin(make, SAME_MAC).start()
    namespace.ip("addr", "add", "192.0.2.10/24", "dev", "lan0")
    namespace.ip("neigh", "add", "192.0.2.77", "lladdr", "02:00:00:00:00:77", "dev", "lan0", "nud", "permanent")
    dataplane.stop(signal.SIGKILL)
    dataplane.start()
    assert "02:00:00:00:00:77 PERMANENT" in subprocess.run(
        ["ip", "-n", namespace.name, "neigh", "show", "192.0.2.77"], text=True, capture_output=True, check=True).stdout


def test_a_burst_for_the_kernel_keeps_the_sum(namespace, make):
    dataplane = twin(make).start()
    attached = dataplane.attach()
    wire = Wire(namespace.name, "wire0")
    for n in range(5000):
        wire.send(datagram(n))
    eventually(lambda: attached.stats().total("received") >= 5000, "all received")
    stats = attached.stats()
    assert stats.conserved()
    assert set(stats.drops()) <= {"kernel_full"}, "what does not reach the kernel has that reason"
    wire.close()
    attached.close()
