# SPDX-License-Identifier: BSD-3-Clause
import os
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from dataplane import Dataplane, Namespace  # noqa: E402
from lab import Lab  # noqa: E402


@pytest.fixture(scope="module")
def lab(request):
    """A lab of the test file's own, configured by the file, gone after it."""
    made = Lab("e2e-" + str(os.getpid() % 1000), workers=getattr(request.module, "WORKERS", 2),
               ports=getattr(request.module, "PORTS", "af_xdp"), spread=getattr(request.module, "SPREAD", False))
    try:
        yield made
    finally:
        made.down()


@pytest.fixture(autouse=True)
def conserved(request):
    """received = forwarded + answered + kernel + dropped + held, after every test that used the lab."""
    yield
    if "lab" not in request.fixturenames:
        return
    lab_ = request.getfixturevalue("lab")
    sums = []

    def holds():
        c, drops = lab_.counters()
        dropped = sum(d["packets"] for d in drops)
        sums[:] = [c["received"], c["to_target"] + c["to_client"] + c["answered"] + c["kernel"] + dropped + c["held"]]
        return sums[0] == sums[1]

    lab_.wait(holds, 5, lambda: f"the sum of the verdicts to equal what was received: {sums}")


@pytest.fixture
def namespace():
    """A network namespace for one test."""
    made = Namespace(f"dp{os.getpid() % 100000}")
    yield made
    made.delete()


@pytest.fixture
def make(namespace):
    """Makes dataplanes there, of these ports and this configuration; they end with the test."""
    with ExitStack() as made:
        def one(ports, **config):
            return made.enter_context(closing(Dataplane(namespace, {"ports": ports} | config)))

        yield one
