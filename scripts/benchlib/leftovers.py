# SPDX-License-Identifier: BSD-3-Clause
"""What a run left that could not tidy up, because it was killed. Its processes ended with it (support.bound); the rest
carries its process id in its name, and goes at the next start."""
import re
import shutil
import subprocess
from pathlib import Path

import machine
from support import say

NAME = re.compile(r"anabranch-bench-(\d+)-")  # support.NAME
MEMORY, NAMESPACES, EAL = PLACES = Path("/dev/shm"), Path("/run/netns"), Path("/run/dpdk")


def of_the_dead():
    for place in PLACES:
        for path in sorted(place.glob("anabranch-bench-*")):
            name = NAME.match(path.name)
            if name and not Path("/proc", name[1]).exists():
                yield path


def remove():
    for path in of_the_dead():
        say(f"removing {path}, which a run left that was killed")
        if path.parent == MEMORY:
            machine.remove_scratch(path)
        elif path.parent == NAMESPACES:
            subprocess.run(["ip", "netns", "del", path.name], check=False)
        else:
            shutil.rmtree(path, ignore_errors=True)
