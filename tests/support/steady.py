# SPDX-License-Identifier: BSD-3-Clause
"""Long-lived flows with steady requests, and what became of each: runs on a host of the lab until its input ends.

    steady.py --rate R tcp:10.90.0.10:80:100 udp:10.90.0.10:7:40 tcp:[fd90::10]:80:20 ...

Each argument is PROTOCOL:ADDRESS:PORT:FLOWS. Every flow asks R times a second, one request at a time, and numbers them;
the answer must hold the number, and the answering server's name as its first word: the same for the whole life of the
flow. "ready" is printed when every flow has been answered once. Each line of input ends a window, and is answered with one
JSON object about the time since the former: flows, asked, answered, lost (datagrams given up after LATE_S), moved (answers
of another server than the flow's first), wrong (answers to no question), reset, closed, stalled (flows that got no answer
in the whole window), and median_ms, p99_ms, max_ms of the answers.
"""
import argparse
import collections
import heapq
import json
import selectors
import socket
import sys
import time

LATE_S = 1.0


class Window:
    def __init__(self):
        self.counts = collections.Counter()
        self.took = []

    def report(self, flows):
        took = sorted(self.took) or [0.0]
        names = ("asked", "answered", "lost", "moved", "wrong", "reset", "closed")
        return {"flows": len(flows), **{n: self.counts[n] for n in names},
                "stalled": sum(f.is_open and not f.answers for f in flows),
                "median_ms": round(took[len(took) // 2] * 1000, 2), "p99_ms": round(took[len(took) * 99 // 100] * 1000, 2),
                "max_ms": round(took[-1] * 1000, 2)}


class Flow:
    """One socket. 'asked_at' is None while no question is open."""

    def __init__(self, protocol, address, port):
        self.tcp = protocol == "tcp"
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM)
        self.socket.settimeout(5)
        self.socket.connect((address, port))
        self.socket.setblocking(False)
        self.is_open, self.server, self.number, self.asked_at, self.answers = True, None, 0, None, 0

    def ask(self, now, window):
        self.number += 1
        self.asked_at = now
        window.counts["asked"] += 1
        try:
            self.socket.send(b"GET /?%d HTTP/1.1\r\nHost: lab\r\n\r\n" % self.number if self.tcp else b"%d" % self.number)
        except OSError:
            if self.tcp:  # a datagram will be given up
                self.end("reset", window)

    def end(self, how, window):
        window.counts[how] += 1
        self.is_open, self.asked_at = False, None

    def give_up(self, now, window):
        """A datagram is given up; a connection waits."""
        if not self.tcp and now - self.asked_at > LATE_S:
            window.counts["lost"] += 1
            self.asked_at = None

    def hear(self, now, window):
        try:
            data = self.socket.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            if self.tcp:
                self.end("reset", window)
            return
        if not data and self.tcp:
            self.end("closed", window)
            return
        self.understand(data.partition(b"\r\n\r\n")[2] if self.tcp else data, now, window)

    def understand(self, body, now, window):
        """BODY is "NAME CLIENT NUMBER". A late answer to a datagram that was given up is no mistake."""
        words = body.split()
        if len(words) != 3 or not words[2].isdigit() or int(words[2]) > self.number:
            window.counts["wrong"] += 1
            return
        if self.server not in (None, words[0]):
            window.counts["moved"] += 1
        self.server = words[0]
        if int(words[2]) != self.number or self.asked_at is None:
            window.counts["wrong"] += self.tcp
            return
        window.took.append(now - self.asked_at)
        window.counts["answered"] += 1
        self.answers += 1
        self.asked_at = None


class Steady:
    def __init__(self, flows, rate):
        self.flows, self.pause, self.window = flows, 1 / rate, Window()
        self.selector = selectors.DefaultSelector()
        for flow in flows:
            self.selector.register(flow.socket, selectors.EVENT_READ, flow)
        self.selector.register(sys.stdin, selectors.EVENT_READ)
        now = time.monotonic()
        self.due = [(now + self.pause * i / len(flows), i) for i in range(len(flows))]
        self.is_ready = False

    def ask_who_is_due(self, now):
        while self.due[0][0] <= now:
            at, i = heapq.heappop(self.due)
            flow = self.flows[i]
            if flow.asked_at is not None:
                flow.give_up(now, self.window)
            if flow.is_open and flow.asked_at is None:
                flow.ask(now, self.window)
            # who is behind goes on from now: catching up would be a flood of its own
            heapq.heappush(self.due, (at + self.pause if at + self.pause > now else now + self.pause, i))

    def say(self, text):
        print(text, flush=True)

    def take_command(self):
        """False at the end of the input."""
        if not sys.stdin.readline():
            return False
        self.say(json.dumps(self.window.report(self.flows)))
        self.window = Window()
        for flow in self.flows:
            flow.answers = 0
        return True

    def run(self):
        while True:
            wait = max(0.0, self.due[0][0] - time.monotonic())
            for key, _ in self.selector.select(wait):
                if key.data is None:
                    if not self.take_command():
                        return
                    continue
                key.data.hear(time.monotonic(), self.window)
                if not key.data.is_open:
                    self.selector.unregister(key.fileobj)
            self.ask_who_is_due(time.monotonic())
            if not self.is_ready and all(f.server for f in self.flows):
                self.is_ready = True
                self.say("ready")


def flows_of(argument):
    protocol, _, rest = argument.partition(":")
    address, port, flows = rest.rsplit(":", 2)
    return [Flow(protocol, address.strip("[]"), int(port)) for _ in range(int(flows))]


def main():
    p = argparse.ArgumentParser(prog="steady.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("flows", nargs="+")
    p.add_argument("--rate", type=float, default=5.0, help="requests of one flow in a second")
    args = p.parse_args()
    Steady([f for argument in args.flows for f in flows_of(argument)], args.rate).run()


if __name__ == "__main__":
    main()
