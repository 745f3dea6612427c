"""How two processes share the tests: `./warifu test` gives pytest `-n 2 --dist loadfile`.

One takes whole networks and browsers, which mostly wait; the other what runs in one process, which mostly reckons. So there are seldom two
networks of processes at a time, and each has about a core. When the other is through, it helps with the networks. A file's tests stay
together and in their order, since they share what its fixtures hold.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

LAYERS = ("robustness", "e2e", "browser", "oracles", "contract", "unit")
"""Folders, from what mostly waits to what mostly reckons."""
FIRST = "gw0"


class FromBothEnds(LoadFileScheduling):
    """The first process takes files of the first layer that is left, the other those of the last; each layer in its own order."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False  # the files with most tests would come first
        super().__init__(config, log)

    def _assign_work_unit(self, node: WorkerController) -> None:
        choose = min if node.gateway.id == FIRST else max
        self.workqueue.move_to_end(choose(self.workqueue, key=_layer), last=False)
        super()._assign_work_unit(node)


def _layer(file: str) -> int:
    return LAYERS.index(file.removeprefix("tests/").partition("/")[0])
