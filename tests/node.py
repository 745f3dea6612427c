"""Finds Node and builds the example in TypeScript, in a copy.

Without Node, or without npm's registry, its tests are reported as not run, a failure in CI. With a Node that is too old, as Debian 12's is,
they are reported as not run everywhere: apt has no other there.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "typescript"
VECTORS = Path(__file__).resolve().parent / "vectors"
OLDEST = (20, 19)
"""Of Node: what the libraries of the example ask for."""
ADVICE = "no Node 20.19 or newer with npm: apt install nodejs npm (Debian 13), or see https://nodejs.org"


def environment(example: Path) -> dict[str, str]:
    """What the example is told by its surroundings."""
    return {**os.environ, "WARIFU_PROTOS": str(example / "protos"), "WARIFU_VECTORS": str(VECTORS), "NO_COLOR": "1"}


def build(folder: Path) -> Path:
    """The compiled example in a folder, with the contracts as the command exports them."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        _without(ADVICE)
    if (version := _version()) < OLDEST:
        pytest.skip(f"Node {'.'.join(map(str, version))} is too old: {ADVICE}")
    example = folder / "typescript"
    shutil.copytree(EXAMPLE, example, ignore=shutil.ignore_patterns("node_modules", "dist", "protos"))
    _run([sys.executable, "-m", "warifu.cli", "protos", "export", str(example / "protos")], example)
    try:
        _run(["npm", "ci", "--no-audit", "--no-fund", "--fetch-retries=1"], example)
    except subprocess.CalledProcessError as error:
        for word in ("ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN", "ECONNRESET"):
            if word in error.stderr:
                _without(f"npm's registry cannot be reached ({word})")
        raise
    _run(["npm", "run", "build"], example)
    return example


class Hosts:
    """Processes of the example that each hold many parties, by turns; see `many.ts`."""

    def __init__(self, processes: list[asyncio.subprocess.Process]) -> None:
        self._processes = processes
        self._next = 0
        self._said: dict[str, asyncio.Future[dict[str, Any]]] = {}

    @asynccontextmanager
    async def party(self, kind: str, folder: Path, institution: str, *wrong: str) -> AsyncIterator[Awaitable[str]]:
        """A party in one of the processes while the block lasts, and the address that it tells once it is there."""
        process = self._processes[self._next % len(self._processes)]
        self._next += 1
        told = self._said[str(folder)] = asyncio.get_running_loop().create_future()
        assert process.stdin is not None
        named = {"folder": str(folder)}
        _say(process.stdin, {"kind": kind, **named, "institution": institution, "wrong": wrong})

        async def address() -> str:
            said = await told
            assert said["wrong"] == list(wrong)
            return str(said["address"])

        there = asyncio.ensure_future(address())
        try:
            yield there
        finally:
            there.cancel()
            _say(process.stdin, {**named, "stop": True})

    async def hear(self, process: asyncio.subprocess.Process) -> None:
        """Take in what a process says."""
        assert process.stdout is not None
        while line := await process.stdout.readline():
            said = json.loads(line)
            if not (told := self._said[said["folder"]]).done():  # whoever asked may be gone
                told.set_result(said)
        for one in self._said.values():  # nobody waits for what will not come
            if not one.done():
                one.set_exception(EOFError("the process ended"))
                one.exception()


def _say(stdin: asyncio.StreamWriter, what: dict[str, Any]) -> None:
    stdin.write(json.dumps(what).encode() + b"\n")


@asynccontextmanager
async def hosts(example: Path, count: int = 2) -> AsyncIterator[Hosts]:
    """So many processes: one of Node's runs on one processor."""
    processes = [
        await asyncio.create_subprocess_exec(
            *("node", str(example / "dist" / "src" / "main.js"), "many"),
            env=environment(example),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(count)
    ]
    made = Hosts(processes)
    hearing = [asyncio.create_task(made.hear(one)) for one in processes]
    try:
        yield made
    finally:
        for one in processes:
            assert one.stdin is not None
            one.stdin.close()
        try:
            await asyncio.wait_for(asyncio.gather(*(one.wait() for one in processes)), 20)
        finally:
            for one in processes:
                if one.returncode is None:
                    one.kill()
            await asyncio.gather(*hearing)


Failed = dict[str, dict[str, str]]
"""By switch: the requirements that did not pass, and what came instead."""


async def side_by_side(switches: Iterable[str], tried: Callable[[str], Awaitable[dict[str, str]]], most: int) -> Failed:
    """Try each switch, so many at once: much of a run is waiting for what takes its time."""
    room = asyncio.Semaphore(most)

    async def one(switch: str) -> dict[str, str]:
        async with room:
            return await tried(switch)

    named = list(switches)
    return dict(zip(named, await asyncio.gather(*map(one, named)), strict=True))


def _version() -> tuple[int, int]:
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
    major, minor, *_ = said.strip().removeprefix("v").split(".")
    return int(major), int(minor)


def _without(why: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=True, timeout=240
    )
