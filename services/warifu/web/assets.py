"""Static files, read or made once at start and addressed by their content, so that a browser may keep each for ever.

Scripts that are modules import each other by relative addresses, so all scripts of a face are addressed by the content of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SHARED: Final = Path(__file__).parent / "static"
"""The look that all faces share."""
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_SCRIPT: Final = ".js"
_KEEP: Final = {"cache-control": "public, max-age=31536000, immutable"}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str
    tag: str


@cache  # they come with the program: as long as it runs they are what they were
def _below(folder: Path) -> Sequence[tuple[str, bytes]]:
    found = sorted(folder.rglob("*"))
    return [(path.relative_to(folder).as_posix(), path.read_bytes()) for path in found if path.suffix in _TYPES]


@dataclass(frozen=True, slots=True)
class Assets:
    """The static files below `folders`; of two with the same name the first found is served. Types not listed are not served."""

    folders: Sequence[Path]
    made: Mapping[str, str] = field(default_factory=dict)
    """Files that this process made at start, by name; they come before those of the folders."""
    _files: dict[str, _File] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Read every file."""
        contents: dict[str, bytes] = {}
        for name, content in self._found():
            contents.setdefault(name, content)
        scripts = sha256()
        for name in sorted(name for name in contents if name.endswith(_SCRIPT)):
            scripts.update(sha256(name.encode()).digest() + sha256(contents[name]).digest())
        for name, content in contents.items():
            tag = (scripts if name.endswith(_SCRIPT) else sha256(content)).hexdigest()[:16]
            self._files[name] = _File(content, _TYPES[Path(name).suffix], tag)

    def _found(self) -> Iterator[tuple[str, bytes]]:
        for name, text in self.made.items():
            yield name, text.encode()
        for folder in self.folders:
            yield from _below(folder)

    def url(self, name: str) -> str:
        """Where the file `name` is served; KeyError when there is none."""
        return f"/static/{self._files[name].tag}/{name}"

    def route(self) -> Route:
        """The route that serves them."""
        return Route("/static/{tag}/{name:path}", self._serve, methods=["GET"])

    async def _serve(self, request: Request) -> Response:
        file = self._files.get(request.path_params["name"])
        if file is None or file.tag != request.path_params["tag"]:
            raise HTTPException(404)
        return Response(file.content, media_type=file.media_type, headers=_KEEP)
