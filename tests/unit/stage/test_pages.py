"""The stage's pages: shown in both languages, larger for a room, safe, and leading into every other face."""

from __future__ import annotations

import pytest
from unit.stage.lab import Lab, visible

from warifu.simulator import lives
from warifu.simulator.people import People
from warifu.simulator.scenarios import SCENARIOS
from warifu.simulator.stage.people.views import PeopleViews, slip_of
from warifu.simulator.stage.ways import Ways

PAGES = (
    "/",
    "/scenarios",
    *(f"/scenarios/{name}{part}" for name in SCENARIOS for part in ("", "/script", "/sheet", "/progress")),
    "/clock",
    "/faults",
    "/people",
    "/differs",
)
HANA = {
    "person": "p-000001",
    "name": "汐見 花",
    "kana": "シオミ ハナ",
    "traits": ["cast:mover"],
    "card": "ready",
    "pin": "1234",
}


@pytest.fixture(autouse=True)
def tray(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What the card service answers."""
    answer: dict[str, object] = {"people": [HANA], "more": False}
    monkeypatch.setattr(
        PeopleViews, "_tray", lambda _self, asked: answer.update(asked=dict(asked)) or answer.get("told", answer)
    )
    return answer


async def test_every_page_is_complete_in_both_languages(lab: Lab) -> None:
    """Each page answers, has one heading of the first level, and in English no Japanese but what is marked as Japanese and names."""
    for path in PAGES:
        for language in ("ja", "en"):
            page = await lab.get(path, language)
            assert page.status_code == 200, path
            if path.endswith("/progress"):
                continue
            assert page.text.count("<h1") == 1, path
            if language == "en" and path != "/differs":
                text = visible(page.text).replace("日本語", "").replace(HANA["name"], "")
                text = text.replace("地方公共団体", "")
                assert not [letter for letter in text if "\u3040" <= letter <= "\u9fff"], (path, text)


async def test_what_is_not_there_is_told(lab: Lab) -> None:
    """Unknown scenarios, people, plays and pages are 404, with the menu that leads on."""
    for path in (
        "/scenarios/none",
        "/scenarios/none/script",
        "/slip/p-999999",
        "/api/v1/scenarios/refused/play",
        "/nothing",
    ):
        found = await lab.get(path)
        assert found.status_code == 404, path
        assert path.startswith("/api/") or 'data-testid="nav-scenarios"' in found.text, path
    assert (await lab.post("/scenarios/none/play")).status_code == 404


async def test_forms_of_other_sites_do_nothing(lab: Lab) -> None:
    """A form that does not come from the stage's own pages is refused, and so is another host."""
    for path in ("/scenarios/refused/play", "/clock", "/faults/lift-all"):
        assert (await lab.client.post(path, headers={"origin": "http://evil.localhost"})).status_code == 403
        assert (await lab.client.post(path)).status_code == 403
    assert (await lab.client.get("/", headers={"host": "portal.localhost"})).status_code == 421


async def test_scripts_are_the_face_s_own_and_may_not_evaluate(lab: Lab) -> None:
    """The policy lets run what the stage serves and nothing else; htmx is told to evaluate nothing and to write no styles."""
    page = await lab.get("/")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert '"allowEval":false' in page.text
    assert '"includeIndicatorStyles":false' in page.text
    assert "<style" not in page.text
    assert " style=" not in page.text
    assert "<script>" not in page.text


async def test_a_projector_s_choice_stays(lab: Lab) -> None:
    """Larger pages are chosen by a link and kept; the same link leads back."""
    assert "projector.css" not in (await lab.get("/")).text
    larger = await lab.get("/clock?projector=1")
    assert "projector.css" in larger.text
    assert 'href="/clock?projector=0"' in larger.text
    assert "projector.css" in (await lab.get("/faults")).text
    assert "projector.css" not in (await lab.get("/?projector=0")).text
    assert "projector.css" not in (await lab.get("/")).text


async def test_the_trainer_s_script_has_answers_and_the_trainees_sheet_has_none(lab: Lab) -> None:
    """Both ask the same; only one of them tells."""
    script = (await lab.get("/scenarios/refused/script")).text
    sheet = (await lab.get("/scenarios/refused/sheet")).text
    assert "本人に書類を求める" in script
    assert "次に何をすればよいですか" in script
    assert "次に何をすればよいですか" in sheet
    assert "本人に書類を求める" not in sheet


async def test_people_lead_to_their_card_and_their_slip(lab: Lab, tray: dict[str, object]) -> None:
    """Search words go to the card service as typed; each person has a quick login and a slip."""
    page = (await lab.get("/people?q=%E3%81%AF%E3%81%AA&trait=cast:mover&page=2")).text
    assert tray["asked"] == {"q": "はな", "trait": "cast:mover", "page": 2}
    assert (
        Ways({"portal": "http://portal.localhost:8170", "simulator": "http://card.localhost:8171"})
        .citizen("p-000001")
        .replace("&", "&amp;")
        in page
    )
    assert 'href="/slip/p-000001"' in page
    assert 'rel="prev"' in page


async def test_without_its_tray_the_card_service_is_missed_in_words(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says that it does not answer; an empty search says that nobody fits."""
    monkeypatch.setattr(PeopleViews, "_tray", lambda *_: None)
    assert "カードサービスが応答しません" in (await lab.get("/people")).text
    monkeypatch.setattr(PeopleViews, "_tray", lambda *_: {"people": [], "more": False})
    assert 'data-testid="people-none"' in (await lab.get("/people")).text


async def test_a_slip_shows_what_is_true_now(lab: Lab) -> None:
    """Name and birth date are the population's; address and number are those that a play has given since."""
    handle = "p-000001"
    before = (await lab.get(f"/slip/{handle}")).text
    lives.note(lab.state, handle, address="瑞原県榧野町潮路三丁目四番五号")
    lives.note(lab.state, handle, individual_number="999158388100")
    after = (await lab.get(f"/slip/{handle}")).text
    assert "瑞原県榧野町潮路三丁目四番五号" not in before
    assert "瑞原県榧野町潮路三丁目四番五号" in after
    assert "999158388100" in after


def test_a_slip_has_the_four_items_and_the_number(tmp_path) -> None:
    """Everything that a counter asks for, and a handle by which nobody is asked."""
    from unit.stage.lab import network

    people = People.of(network(tmp_path))
    slip = slip_of(people, "p-000001", {})
    assert set(slip) == {"person", "name", "kana", "address", "birth_date", "sex", "individual_number"}
    assert all(slip.values())
    with pytest.raises(KeyError):
        slip_of(people, "nobody", {})


def test_ways_lead_nowhere_where_there_is_no_face() -> None:
    """A network without a counter or a portal has no links to them."""
    none = Ways({})
    assert not any((none.citizen("p-1"), none.counter("tax-480011"), none.watchdog, none.log, none.portal))
    assert [
        none.of_play(face, None) for face in ("portal", "counter", "provider", "picture", "watchdog", "log", "")
    ] == [""] * 7
