"""Static files, read once at start and addressed by their content, so that a browser may keep each for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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
_KEEP: Final = {"cache-control": "public, max-age=31536000, immutable"}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str
    tag: str


@dataclass(frozen=True, slots=True)
class Assets:
    """The static files below `folders`; of two with the same name the first found is served. Types not listed are not served."""

    folders: Sequence[Path]
    _files: dict[str, _File] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Read every file."""
        for folder in self.folders:
            for path in sorted(folder.rglob("*")):
                if path.suffix in _TYPES:
                    content = path.read_bytes()
                    file = _File(content, _TYPES[path.suffix], sha256(content).hexdigest()[:16])
                    self._files.setdefault(path.relative_to(folder).as_posix(), file)

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
