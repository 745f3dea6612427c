"""An interim server in a folder that was handed over: `python -m warifu.simulator.onboarding.office FOLDER`.

It stands where a tester's own would stand, and shows that one can: a process of its own that knows of the network what lies in the folder.
It takes over the people and copies that were handed over, says on a line of JSON where it serves, and serves until SIGTERM.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.json_format import ParseDict

from warifu.common.v1 import common_pb2
from warifu.interim.host import InterimHost
from warifu.interim.institution import Interim
from warifu.interim.v1 import interim_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.errors import LinkageError
from warifu.kernel.party import Context, Party
from warifu.kernel.server import run
from warifu.simulator.onboarding.names import COPIES_NAME, PEOPLE_NAME


async def build(context: Context) -> Party:
    """The interim server of the folder's one institution."""
    host = InterimHost(context)
    (institution,) = host.institutions

    async def start() -> None:
        await host.start()
        await take_over(host.interim(institution), institution, context.config.folder)
        sys.stdout.write(json.dumps({"institution": institution, "address": context.config.listen}) + "\n")
        sys.stdout.flush()

    return Party(
        services=host.services, jobs=host.jobs, checks=host.checks, view=host.view, start=start, close=host.close
    )


async def take_over(interim: Interim, institution: str, folder: Path) -> None:
    """Enrol the people of the folder and register their copies. Safe to repeat.

    Raises:
        LinkageError: one of them cannot be enrolled, or a copy is refused.
    """
    people = json.loads((folder / PEOPLE_NAME).read_text(encoding="utf-8"))["people"]
    copies = json.loads((folder / COPIES_NAME).read_text(encoding="utf-8"))["people"]
    numbers = {one["person"]: _number(one, institution, place) for place, one in enumerate(people)}
    enrolled = await interim.enrol([_enrolment(institution, numbers[one["person"]], one) for one in people])
    registered = await interim.register_copies(
        [copy for one in copies for copy in _copies(institution, numbers[one["name"]], one)]
    )
    failures = [one.error for one in enrolled if one.HasField("error")]
    failures += [one.error for one in registered if one.HasField("error")]
    if failures:
        raise LinkageError.from_failure(failures[0])


def _number(person: Mapping[str, Any], institution: str, place: int) -> str:
    """The addressee number that the institution had, or one of our own."""
    return person["addressees"].get(institution) or f"9{place:014d}"


def _enrolment(institution: str, number: str, person: Mapping[str, Any]) -> interim_pb2.EnrolRequest:
    items = person["basic_items"] | {"sex": f"SEX_{person['basic_items']['sex']}"}
    return interim_pb2.EnrolRequest(
        institution=institution, addressee_no=number, basic_items=ParseDict(items, common_pb2.BasicItems())
    )


def _copies(institution: str, number: str, person: Mapping[str, Any]) -> Iterator[interim_pb2.RegisterCopiesRequest]:
    for copy in person["copies"]:
        yield interim_pb2.RegisterCopiesRequest(
            institution=institution,
            record_id=f"{person['name']}/{copy['recordKey']}",
            change=interim_pb2.COPY_CHANGE_NEW,
            addressee_no=number,
            item=copy["item"],
            record_key=copy["recordKey"],
            layout_version=copy["layoutVersion"],
            published_from=copy.get("publishedFrom"),
            about=common_pb2.Period(first_day=copy.get("firstDay"), last_day=copy.get("lastDay")),
            content=ParseDict(copy["content"], items_pb2.ItemContent()),
        )


if __name__ == "__main__":
    run(Path(sys.argv[1]).absolute(), build)
