# SPDX-License-Identifier: BSD-3-Clause
"""Sends prepared frames out of an interface, round and round, as often and as fast as it is told:

    flood.py INTERFACE FILE --packets N --seconds S --rate R

FILE holds frames, each after its length (16 bits, as the host writes them). Ends after --packets frames or --seconds,
whichever comes first, and prints one JSON object: how many were sent, and how long it took.
"""
import argparse
import itertools
import json
import socket
import struct
import time
from pathlib import Path

BATCH = 32  # frames between two looks at the clock


def write_frames(path, frames):
    Path(path).write_bytes(b"".join(struct.pack("=H", len(f)) + f for f in frames))


def read_frames(path):
    data, at, frames = Path(path).read_bytes(), 0, []
    while at < len(data):
        size, = struct.unpack_from("=H", data, at)
        frames.append(data[at + 2:at + 2 + size])
        at += 2 + size
    return frames


def send(interface, frames, packets, seconds, rate):
    """How many were sent. The rate holds over the whole time: what a pause has cost is caught up, a batch at a time."""
    endless, sent = itertools.cycle(frames), 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as s:
        s.bind((interface, 0))
        begin = time.monotonic()
        while sent < packets and (now := time.monotonic()) < begin + seconds:
            ahead = sent - (now - begin) * rate
            if ahead > 0:
                time.sleep(ahead / rate)
                continue
            for frame in itertools.islice(endless, min(BATCH, packets - sent)):
                s.send(frame)
                sent += 1
    return sent


def main():
    p = argparse.ArgumentParser(prog="flood.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("interface")
    p.add_argument("file")
    p.add_argument("--packets", type=int, default=10_000_000)
    p.add_argument("--seconds", type=float, default=10.0)
    p.add_argument("--rate", type=float, default=20_000.0, help="frames a second")
    args = p.parse_args()
    begin = time.monotonic()
    sent = send(args.interface, read_frames(args.file), args.packets, args.seconds, args.rate)
    print(json.dumps({"sent": sent, "seconds": round(time.monotonic() - begin, 3)}))


if __name__ == "__main__":
    main()
