"""The forms of procedures: data in `forms.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from warifu.agency.v1 import cases_pb2
from warifu.common.v1 import common_pb2

_PATH: Final = Path(__file__).with_name("forms.toml")


@dataclass(frozen=True, slots=True)
class Form:
    """What stands on a procedure's form, in order."""

    places: tuple[cases_pb2.FormField, ...]
    together: tuple[str, ...] = ()
    """Codes of procedures that are handled in one with it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the places, in the form's order."""
        return tuple(place.name for place in self.places)


EMPTY: Final = Form(())
"""The form of a procedure that has none: its answers are shown beside it, in no place."""


@lru_cache
def forms() -> Mapping[str, Form]:
    """Every form, by procedure code.

    Raises:
        ValueError: the file is wrong; the message names the procedure.
    """
    entries = tomllib.loads(_PATH.read_text(encoding="utf-8"))["procedure"]
    return {entry["code"]: _form(entry) for entry in entries}


def form_of(procedure: str) -> Form:
    """The form of a procedure; `EMPTY` when it has none."""
    return forms().get(procedure, EMPTY)


def _form(entry: Mapping[str, Any]) -> Form:
    try:
        form = Form(tuple(_place(**place) for place in entry["place"]), tuple(entry.get("together", ())))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{_PATH}: {entry.get('code')}: {error!r}") from error
    if len(set(form.names)) != len(form.names):
        raise ValueError(f"{_PATH}: {entry['code']}: two places of one name")
    return form


def _place(name: str, ja: str, en: str, row: str | None = None, field: str | None = None) -> cases_pb2.FormField:
    if (row is None) != (field is None):
        raise TypeError(f"{name}: row and field come together")
    return cases_pb2.FormField(name=name, label=common_pb2.LocalizedText(ja=ja, en=en), row=row, field=field)
