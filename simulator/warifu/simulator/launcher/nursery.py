"""The process from which party processes are forked.

It imports what parties need once and forks a child for each, so that a network of many parties starts quickly and shares the memory of its
code. It never creates a gRPC object, a thread or an event loop: each of those begins after the fork.

Protocol, one JSON document a line. In: `{"start": folder, "build": "module:function"}`. Out: `{"ready": true}` once, then
`{"started": folder, "pid": n}` and `{"ended": folder, "pid": n, "code": n}` (negative: the signal). When its input closes, the launcher is
gone: the children are asked to drain, and the nursery leaves after the last of them.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from warifu.kernel.party import Build

DRAIN_SECONDS = 8.0
"""How long parties may drain once the launcher is gone, before they are killed."""


def main(modules: list[str]) -> None:
    """Import `modules` and serve the protocol on standard input and output."""
    for name in modules:
        importlib.import_module(name)
    gc.freeze()  # shared pages stay shared: the collector need not touch what the parties inherit
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the launcher decides
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Nursery().serve()


class Nursery:
    """Forks and watches. Invariant: single-threaded."""

    def __init__(self) -> None:
        self._children: dict[int, str] = {}
        self._buffer = b""
        self._wake, wake_end = os.pipe()
        os.set_blocking(wake_end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
        self._ends = (self._wake, wake_end)

    def serve(self) -> None:
        """Serve until the launcher is gone and every child has left."""
        self._tell({"ready": True})
        while (lines := self._wait(None)) is not None:
            for line in lines:
                order = json.loads(line)
                self._start(Path(order["start"]), order["build"])
        self._end_children()

    def _wait(self, timeout: float | None) -> list[bytes] | None:
        """Reap what ended; return whole lines that came in, or None at end of input."""
        readable, _, _ = select.select([0, self._wake], [], [], timeout)
        if self._wake in readable:
            os.read(self._wake, 4096)
        self._reap()
        if 0 not in readable:
            return []
        chunk = os.read(0, 65536)
        if not chunk:
            return None
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        return lines

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            folder = self._children.pop(pid)
            self._tell({"ended": folder, "pid": pid, "code": os.waitstatus_to_exitcode(status)})

    def _start(self, folder: Path, build: str) -> None:
        pid = os.fork()
        if pid == 0:
            self._become(folder, build)
        self._children[pid] = str(folder)
        self._tell({"started": str(folder), "pid": pid})

    def _become(self, folder: Path, build: str) -> NoReturn:
        """The child: detach from the nursery's descriptors and signals, then be the party."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the launcher's to handle; it sends SIGTERM
            for end in self._ends:
                os.close(end)
            null = os.open(os.devnull, os.O_RDWR)
            log = os.open(folder / "party.err", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            for source, target in ((null, 0), (log, 1), (log, 2)):
                os.dup2(source, target)
            os.close(null)
            os.close(log)
            os.chdir(folder)  # by its working directory `warifu status` knows whose process it is
            run_party(folder, build)
            code = 0
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 1
        except BaseException:  # noqa: BLE001 - the last word of a process belongs into its log
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _end_children(self) -> None:
        for pid in self._children:
            os.kill(pid, signal.SIGTERM)
        patience = DRAIN_SECONDS
        while self._children and patience > 0:
            select.select([self._wake], [], [], 0.2)
            patience -= 0.2
            self._reap()
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    @staticmethod
    def _tell(message: dict[str, object]) -> None:
        try:
            os.write(1, json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            return  # the launcher is gone; end of input follows


def run_party(folder: Path, build: str) -> None:
    """Run one party in this process. `build` names its build function as "module:function"."""
    from warifu.kernel import server  # noqa: PLC0415 - imported in the child alone when nothing was preloaded

    module, function = build.split(":")
    server.run(folder, resolve(module, function), die_with_parent=True)


def resolve(module: str, function: str) -> Build:
    """The build function that `module:function` names."""
    found: Build = getattr(importlib.import_module(module), function)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
