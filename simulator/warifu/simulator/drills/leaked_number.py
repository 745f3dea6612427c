"""leaked-number: a residency office sent a paper with somebody's individual number to the wrong house, and a caller knew the number."""

from __future__ import annotations

import unicodedata

from warifu.kernel.errors import Reason
from warifu.numbering.keys import simulated
from warifu.numbers import individual_number
from warifu.simulator.drills import looks
from warifu.simulator.drills.ground import Ground
from warifu.simulator.drills.model import Drill, Facts, Finding, Task, done, missed
from warifu.simulator.drills.portal import ask_about, name_of, office_of, spellings, worker

ASKED = 2
LETTER = (
    "個人番号の載った私の住民票の写しが、別の人の家に届きました。そのあと、番号を知っているという電話がありました。"
    "番号を変えられますか。これまでの記録はどうなりますか。\n"
    "My certificate of residence, with my individual number on it, was delivered to somebody else's house. Then somebody called who knew the "
    "number. Can it be changed? And what becomes of the records so far?"
)


async def plant(ground: Ground) -> Facts:
    """Let there be a history from before, and have the person write to the office."""
    person = ground.take(worker)
    ground.taken(person)
    office, handle = office_of(person), person.person
    requests = await ask_about(ground, person, ASKED)
    letter = await ground.write_letter(handle, requests[0], office, LETTER, objection=False)
    return Facts(
        {"person": handle, "name": name_of(person), "office": office, "day": ground.begun.date().isoformat()},
        {
            "old_number": ground.stage.people.demo(handle).individual_number,
            "requests": requests,
            "entries": len(await ground.entries(handle)),
            "letter": letter,
        },
    )


async def changed(ground: Ground) -> Finding:
    """The old number matches nobody at a counter, and the new one is the person's."""
    stage, handle = ground.stage, ground.fact("person")
    clerk, items = stage.clerk(ground.fact("office")), stage.people.items(handle)
    refused = await stage.refusal(clerk.receive(items, ground.fact("old_number")))
    if refused is None:
        return missed(
            "漏れた番号で、まだ本人と確認されてしまう。", "With the number that leaked the person is still identified."
        )
    if refused != Reason.CLIENT_NUMBER_RETIRED:
        return missed(f"番号を確かめられない（{refused}）。", f"The number cannot be checked ({refused}).")
    # The numbering body derives numbers from the seed in a simulation, so the next one is known without asking anybody.
    key = simulated(stage.network.seed, "numbers")
    new = individual_number.derive(key, stage.people[handle].resident_code, 1)
    if await stage.refusal(clerk.receive(items, new)) is not None:
        return missed(
            "古い番号は使えないが、新しい番号でも確認できない。",
            "The old number is refused, but the new one identifies nobody, either.",
        )
    stage.now_true(handle, individual_number=new)  # what the person's slip shows from now on
    return done(
        "古い番号は拒否され、新しい番号で確認できる。", "The old number is refused and the new one is the person's."
    )


async def codes(ground: Ground) -> Finding:
    """It was understood that no code changes."""
    if ground.answer("codes") != "none":
        return missed(
            "符号は住民票コードから作られる。個人番号が変わっても、どの機関の符号も変わらない。",
            "Codes come from the resident code. A new individual number changes no institution's code.",
        )
    return done("符号は変わらないと答えた。", "The answer: no code changes.")


async def history(ground: Ground) -> Finding:
    """The history from before was counted, and is whole."""
    before = set(ground.fact("requests"))
    kept = before & {entry["request_id"] for entry in await ground.entries(ground.fact("person"))}
    if kept != before:
        return missed("変更前のやりとりが、本人の履歴にそろっていない。", "The history from before is not whole.")
    given = unicodedata.normalize("NFKC", ground.answer("history") or "").removesuffix("件").strip()
    if given != str(ground.fact("entries")):
        return missed(
            f"変更前のやりとりは {ground.fact('entries')} 件で、すべて残っている。答えは {given}。",
            f"There are {ground.fact('entries')} entries from before, and all are there. The answer was {given}.",
        )
    return done("変更前のやりとりは、すべて履歴にある。", "Everything from before is in the history.")


async def answered(ground: Ground) -> Finding:
    """The person got an answer."""
    return await looks.letter_answered(ground, ground.fact("person"), ground.fact("letter"))


async def reported(ground: Ground) -> Finding:
    """The office reported the leak, with a wrongful purpose possible."""
    names = [*spellings(ground.fact("name")), ground.fact("old_number")]
    return await looks.leak_reported(ground, ground.fact("office"), persons=1, wrongful=True, names=names)


LEAKED_NUMBER = Drill(
    "leaked-number",
    plant,
    (
        Task("number", changed),
        Task("codes", codes, question=True),
        Task("history", history, question=True),
        Task("letter", answered),
        Task("report", reported),
    ),
    shown=frozenset({"person", "name", "office", "day"}),
    hidden=frozenset({"old_number", "requests", "entries", "letter"}),
)
