"""Faults on the stage: planted at the right party, beside the others, and lifted one by one or all."""

from __future__ import annotations

import pytest
from markupsafe import escape
from unit.stage.lab import Lab

from warifu.kernel.faults import kinds


def planted(lab: Lab, party: str) -> list[tuple[str, str, int]]:
    """What a party was told."""
    return [(one.kind.name, one.institution, one.count) for one in lab.doors.control(party).faults.planted]


async def test_a_provider_s_fault_goes_to_its_party_alone(lab: Lab) -> None:
    """Confined to an institution it is planted at that institution's party, for so many calls."""
    answer = await lab.post("/faults/plant", name="provider-down", institution="tax-480011", count="3")
    assert answer.headers["location"] == "/faults?done"
    assert planted(lab, "tax") == [("provider-down", "tax-480011", 3)]
    assert not planted(lab, "health_insurance")
    page = (await lab.get("/faults")).text
    assert 'data-fault="provider-down"' in page
    assert "あと3回" in page


async def test_a_permit_s_fault_goes_to_the_gateway(lab: Lab) -> None:
    """Confined to the provider to whom permits go, it is planted where they leave."""
    await lab.post("/faults/plant", name="damaged-permit", institution="tax-480011", count="1")
    assert planted(lab, "gateway") == [("damaged-permit", "tax-480011", 1)]
    assert not planted(lab, "tax")


async def test_without_an_institution_it_goes_to_all_that_it_fits(lab: Lab) -> None:
    """Every agency, and no other party."""
    await lab.post("/faults/plant", name="provider-slow", institution="", count="")
    assert all(planted(lab, party) == [("provider-slow", "", 0)] for party in ("tax", "residency", "health_insurance"))
    assert not any(planted(lab, party) for party in ("gateway", "portal", "numbering", "watchdog", "counter"))


async def test_faults_stand_beside_each_other_and_are_lifted_apart(lab: Lab) -> None:
    """Planting one keeps the others; the same again replaces it; lifting one leaves the rest; lifting all leaves none."""
    await lab.post("/faults/plant", name="gateway-down", institution="", count="5")
    await lab.post("/faults/plant", name="log-unavailable", institution="nhi-480029", count="")
    await lab.post("/faults/plant", name="gateway-down", institution="", count="2")
    assert set(planted(lab, "gateway")) == {("log-unavailable", "nhi-480029", 0), ("gateway-down", "", 2)}
    await lab.post("/faults/lift", party="gateway", name="gateway-down", institution="")
    assert planted(lab, "gateway") == [("log-unavailable", "nhi-480029", 0)]
    await lab.post("/faults/plant", name="portal-down", count="")
    await lab.post("/faults/lift-all")
    assert not planted(lab, "gateway")
    assert not planted(lab, "portal")
    assert 'data-testid="fault-none"' in (await lab.get("/faults")).text


async def test_what_calls_have_met_is_counted_off(lab: Lab) -> None:
    """When another is planted beside it, a counted fault keeps what is left of its count."""
    await lab.post("/faults/plant", name="log-unavailable", institution="", count="5")
    faults = lab.doors.control("gateway").faults
    for _ in range(2):
        faults.meet("/warifu.linkage.v1.LinkageService/Inquire", None)
    await lab.post("/faults/plant", name="gateway-down", institution="nhi-480029", count="")
    assert ("log-unavailable", "", 3) in planted(lab, "gateway")


@pytest.mark.parametrize(
    "form",
    [
        {"name": "no-such"},
        {"name": "provider-down", "institution": "nhi-000000"},
        {"name": "provider-down", "institution": "portal-main"},
        {"name": "portal-down", "institution": "tax-480011"},
    ],
)
async def test_what_is_not_there_is_not_planted(lab: Lab, form: dict[str, str]) -> None:
    """An unknown fault or institution is refused in words."""
    answer = await lab.post("/faults/plant", **form)
    assert answer.status_code == 422
    assert "変更できませんでした" in answer.text


@pytest.mark.parametrize("count", ["0", "-1", "1001", "many", "１", "9" * 30])
async def test_a_count_that_is_none_is_told_beside_its_field(lab: Lab, count: str) -> None:
    """Nothing is planted, and the field of that very fault says what may be typed."""
    answer = await lab.post("/faults/plant", name="gateway-down", institution="", count=count)
    assert answer.status_code == 422
    assert 'id="e-gateway-down"' in answer.text
    assert answer.text.count('aria-invalid="true"') == 1
    assert not planted(lab, "gateway")


async def test_a_party_that_is_gone_has_no_faults_and_takes_none(lab: Lab) -> None:
    """The page is shown without it, and planting there is refused in words."""
    lab.doors.silent = {"gateway"}
    assert (await lab.get("/faults")).status_code == 200
    assert (await lab.post("/faults/plant", name="gateway-down", institution="", count="")).status_code == 422
    assert (await lab.post("/faults/lift", party="nobody", name="gateway-down", institution="")).status_code == 422


async def test_every_fault_of_the_table_can_be_chosen(lab: Lab) -> None:
    """Each is on the page, with what will be felt of it, in both languages."""
    for language in ("ja", "en"):
        page = (await lab.get("/faults", language)).text
        for kind in kinds().values():
            assert f'<code class="small soft">{kind.name}</code>' in page
            assert escape(kind.en if language == "en" else kind.ja) in page


async def test_what_was_planted_from_elsewhere_is_shown_and_kept_whole(lab: Lab) -> None:
    """Procedure, person and probability of a fault are on the page, and stay when another is planted beside it."""
    faults = lab.doors.control("tax").faults
    words = {"procedure": "JT90000000000101", "person": "1234", "probability": 0.25, "seed": 7}
    faults.plant([faults.of("wrong-person", "tax-480011", 5, **words)])
    page = (await lab.get("/faults")).text
    assert all(word in page for word in ("JT90000000000101", "1234", "25 %"))
    await lab.post("/faults/plant", name="wrong-person", institution="tax-480011", count="2")
    first, second = faults.planted
    assert (first.procedure, first.person, first.probability, first.seed, first.count) == (*words.values(), 5)
    assert (second.person, second.count) == ("", 2)


async def test_the_page_offers_what_a_fault_can_be_confined_to(lab: Lab) -> None:
    """A clock is fast until it is set right, so there is no count; a certificate is somebody's, so there is no "all"."""
    page = (await lab.get("/faults")).text
    assert 'id="c-provider-down"' in page
    assert 'id="c-clock-skew"' not in page
    expired = page.partition('id="i-certificate-expired"')[2].partition("</select>")[0]
    assert "<option" in expired
    assert '<option value="">' not in expired
