"""How a run makes a client act: a question is a line of JSON, and what became of it another.

A client has nothing that could be called. Whoever can read and write a line can be driven: a process of ours by its standard input and output,
or one that runs already by a connection. Lines that are no answer to the question are passed over, so that logs do no harm.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from warifu.simulator.conformance.folder import ConformanceError
from warifu.simulator.conformance.outcome import Text, UnmetError

PATIENCE: Final = 20.0
"""Seconds for which an answer to one question is waited for."""
_LONGEST: Final = 4 * 2**20


class Speaker:
    """Whoever is under test: a command of ours, or somebody at an address."""

    def __init__(
        self,
        command: Sequence[str] = (),
        address: str = "",
        surroundings: Mapping[str, str] | None = None,
        key: str = "requestId",
    ) -> None:
        """`surroundings` are added to the environment of the command; `key` is what question and answer have in common."""
        self._key = key
        self._command, self._address, self._surroundings = tuple(command), address, dict(surroundings or {})
        self._process: asyncio.subprocess.Process | None = None
        self._way: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.is_spared = False
        """No check kills it: a start costs more than most checks, and most faults show without."""

    @property
    def can_be_killed(self) -> bool:
        """It is a process of ours, and not spared."""
        return bool(self._command) and not self.is_spared

    async def start(self) -> None:
        """Start it or go there.

        Raises:
            ConformanceError: it cannot be run, or nobody is there.
        """
        try:
            if self._command:
                self._way = await self._started()
            else:
                host, _, port = self._address.rpartition(":")
                self._way = await asyncio.open_connection(host, int(port), limit=_LONGEST)
        except OSError as error:
            if self._command:
                raise cannot_run(self._command, error) from error
            raise ConformanceError(
                f"{self._address} に接続できません。業務システムまたは照会機関を先に起動し、質問を受けるアドレスを --target に指定してください（{error.strerror}）。",
                f"nobody takes questions at {self._address}: start the system first, and name with --target where it takes them ({error.strerror}).",
            ) from error

    async def _started(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **self._surroundings},
            limit=_LONGEST,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        return self._process.stdout, self._process.stdin

    async def kill(self) -> None:
        """End it, and what it started, without a word, as a crash does; of one that runs by itself the connection alone ends."""
        if self._way is not None:
            self._way[1].close()
            self._way = None
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
            self._process = None

    async def say(self, question: Mapping[str, Any], patience: float = PATIENCE) -> dict[str, Any]:
        """What is answered to a question: the first object that has the same `key`.

        Raises:
            UnmetError: nothing in time, or an end instead.
        """
        if self._way is None:
            await self.start()
        assert self._way is not None
        reader, writer = self._way
        try:
            writer.write(json.dumps(question, ensure_ascii=False).encode() + b"\n")
            await writer.drain()
            return await asyncio.wait_for(_answer(reader, self._key, str(question[self._key])), patience)
        except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            await self.kill()  # what may still come would be taken for the answer to another question
            silent = isinstance(error, TimeoutError)
            raise UnmetError(
                Text("質問への一行の答え", "an answer to the question, in a line"),
                Text(f"{patience:g} 秒間、なし", f"none within {patience:g} s")
                if silent
                else Text("答えずに終了", "its end without one"),
            ) from error


def words_of(command: str | None) -> list[str]:
    """The words of a command as a shell would read them.

    Raises:
        ConformanceError: a quotation mark is not closed.
    """
    try:
        return shlex.split(command or "")
    except ValueError as error:
        raise ConformanceError(
            f"コマンドの引用符が閉じていません：{command}",
            f"a quotation mark of the command is not closed: {command}",
        ) from error


def cannot_run(command: Sequence[str], error: OSError) -> ConformanceError:
    """A command that did not start, and what to do."""
    said = shlex.join(command)
    if isinstance(error, FileNotFoundError):
        return ConformanceError(
            f"{command[0]} というコマンドがありません。つづりを確かめるか、パスで指定してください：{said}",
            f"there is no command {command[0]}: check how it is spelt, or name it by its path: {said}",
        )
    if isinstance(error, PermissionError):
        return ConformanceError(
            f"{command[0]} を実行する権限がありません。chmod +x するか、実行するプログラムから書いてください：{said}",
            f"{command[0]} may not be run: chmod +x it, or begin with the program that runs it: {said}",
        )
    return ConformanceError(f"{said} を実行できません：{error.strerror}", f"cannot run {said}: {error.strerror}")


async def _answer(reader: asyncio.StreamReader, key: str, wanted: str) -> dict[str, Any]:
    while True:
        line = await reader.readuntil(b"\n")
        with suppress(ValueError):
            said = json.loads(line)
            if isinstance(said, dict) and said.get(key) == wanted:
                return said
