"""same-city: inside one body the network is the wrong way."""

from __future__ import annotations

from warifu.simulator.scenarios import looking
from warifu.simulator.scenarios.stage import NotPlayableError, Scenario, Stage, tax_year


async def play(stage: Stage) -> None:
    """A city's insurance office asks its own city's tax office through the network, and is shown the local way."""
    person = stage.cast("same-city")
    stage.person = person.person
    insured = person.insured_on(stage.people.start)
    if insured is None:
        raise NotPlayableError(f"{person.person} は保険に入っていません。", f"{person.person} is not insured")
    city = insured.institution.removeprefix("nhi-")
    clerk = stage.clerk(insured.institution)
    addressee = await clerk.find(stage.people.items(person.person)) or ""
    asked = city if not stage.sabotaged else _another(stage, city)
    stage.narrate("同じ市の税務課にネットワークで照会する。", "Ask the same city's tax office through the network.")
    exchange = await stage.ask(insured.institution, addressee, stage.question("P07", f"tax-{asked}", tax_year(2025)))
    stage.check("denied-inside-one-body", exchange.reason == "CLIENT_SAME_BODY", str(exchange.reason))
    message = exchange.state.denial.message
    stage.check("the-local-way-is-explained", "庁内連携" in message.ja and bool(message.en), message.en)
    uses = await clerk.local_uses()
    stage.check(
        "the-local-way-is-published", any(use.provider == f"tax-{city}" for use in uses), f"{len(uses)} local uses"
    )
    provider = await stage.view("tax", exchange.request_id)
    stage.check("the-tax-office-was-never-asked", not provider, f"{len(provider)} holdings")
    await looking.citizen_sees_refusal(stage, person.person, exchange)


def _another(stage: Stage, city: str) -> str:
    """Sabotage: the clerk asks another body, which is allowed."""
    offices = sorted(code for code in stage.book.institutions if code.startswith("tax-"))
    return next(code.removeprefix("tax-") for code in offices if not code.endswith(city))


SAME_CITY = Scenario(
    "same-city",
    (
        "同じ市の中では情報提供ネットワークを使わない。照会は拒否され、庁内連携の方法が示される。",
        "Inside one city the network is not used: the inquiry is denied and the local way is shown.",
    ),
    play,
    ("別の市の税務課に照会してしまう。", "The clerk asks another city's tax office instead."),
)
