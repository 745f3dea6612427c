"""Procedures are found and explained; an application is signed, sealed so that the portal itself cannot read it, and followed."""

from __future__ import annotations

import base64
import re
import tomllib
from datetime import timedelta
from hashlib import sha256
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from unit.portal.browser import Browser, visible
from unit.portal.lab import BOOK, HANA, SORA, DemoPerson, Lab, Told
from unit.portal.mandated import acting

import warifu.agencies
from warifu.exchange import application, domains
from warifu.kernel import identity
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import timestamp
from warifu.kernel.limits import RETENTION
from warifu.portal.login.proof import encode
from warifu.portal.notices.queries import Notices
from warifu.portal.post.applications import ApplicationPost
from warifu.portal.post.schema import applications, drafts
from warifu.portal.post.service import PostServicer
from warifu.portal.procedures import catalogue
from warifu.portal.procedures.catalogue import Input
from warifu.portal.procedures.queries import LIFE, MOST_DRAFTS
from warifu.portal.v1 import post_pb2
from warifu.simulator.cards import tray

ALLOWANCE, SUBSIDY, OFFICE, OTHER = "JT90000000000501", "JT90000000000503", "welfare-480011", "welfare-480029"
FORM = {
    "institution": OFFICE,
    "child_name": "汐見　海",
    "child_birth_date": "2026-03-01",
    "lives_together": "0",
    "january_1_municipality": "480029",
}
CATALOGUE = catalogue.read()


def office(lab: Lab) -> PostServicer:
    """The portal's face towards institutions."""
    return PostServicer(ApplicationPost(lab.store, lab.seals, Notices(lab.store, lab.seals, lab.clock)), None)


def calls(institution: str) -> None:
    """Whoever calls from now on."""
    identity.set_current(identity.Caller("welfare", institution, 1, identity._ALWAYS))


async def fetched(lab: Lab, institution: str = OFFICE, after: int = 0) -> list[post_pb2.SealedApplication]:
    """What an institution fetches."""
    calls(institution)
    answer = await office(lab).FetchApplications(post_pb2.FetchApplicationsRequest(after=after), None)
    return list(answer.applications)


async def tell(lab: Lab, application_id: str, state: int, institution: str = OFFICE, **said: object) -> None:
    """What an institution tells."""
    calls(institution)
    at = timestamp(int(lab.clock.network().timestamp() * 1000))
    request = post_pb2.TellProgressRequest(application_id=application_id, state=state, at=at, **said)
    await office(lab).TellProgress(request, None)


async def drafted(browser: Browser, **changed: str) -> str:
    """Fill in the allowance's form; the id of the draft."""
    response = await browser.post(f"/procedures/{ALLOWANCE}/apply", FORM | changed)
    assert response.status_code == 303, response.text
    return response.headers["location"].rpartition("/")[2]


async def wish(browser: Browser, draft: str) -> dict[str, str]:
    """What the card is asked to sign."""
    asked = (await browser.get(f"/api/v1/applications/drafts/{draft}")).json()["sign"]
    return {name: values[0] for name, values in parse_qs(urlsplit(asked).query).items()}


async def back(lab: Lab, browser: Browser, draft: str, person: DemoPerson = HANA) -> str:
    """The way back from a card that signs: made here, by the contract alone."""
    asked, key = await wish(browser, draft), ec.generate_private_key(ec.SECP256R1())
    certificate = lab.authority.make(key.public_key(), person.individual_number, items=person.basic_items)
    digest = application.sign(key, _decoded(asked["digest"]))
    return f"{asked['return']}?certificate={encode(certificate)}&signature={encode(digest)}"


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def applied(lab: Lab, browser: Browser) -> str:
    """A whole application; its id."""
    draft = await drafted(browser)
    response = await browser.get(await back(lab, browser, draft))
    assert response.headers["location"] == f"/applications/{draft}?sent"
    return draft


@pytest.fixture
async def hana(lab: Lab) -> Browser:
    """Hana, logged in."""
    browser = Browser(lab)
    await browser.log_in()
    return browser


def test_the_catalogue_agrees_with_the_law_book() -> None:
    """Every procedure on offer has rows in the permission table, and every municipality here has an office that takes it."""
    bodies = {one.operator.code for one in BOOK.register.with_roles(("residency",))}
    for offer in CATALOGUE.offers.values():
        roles = {role for row in BOOK.rows.values() if row.procedure.code == offer.code for role in row.requester_roles}
        takers = BOOK.register.with_roles(tuple(roles))
        assert {one.operator.code for one in takers} == bodies, offer.code
        assert set(offer.together) <= set(BOOK.table.procedures)
    welfare = {row.procedure.code for row in BOOK.rows.values() if row.requester_roles == ("welfare",)}
    assert welfare <= set(CATALOGUE.offers)


def test_the_catalogues_places_are_the_institutions_own() -> None:
    """A place that a clerk's form leaves to be filled by hand, and that citizens know, has the same name and label in both."""
    path = Path(warifu.agencies.__path__[0]) / "cases" / "forms.toml"
    forms = {one["code"]: one["place"] for one in tomllib.loads(path.read_text(encoding="utf-8"))["procedure"]}
    shared = 0
    for offer in CATALOGUE.offers.values():
        theirs = {place["name"]: place for place in forms[offer.code]}
        for place in offer.places:
            if (one := theirs.get(place.name)) is not None:
                assert "row" not in one, (offer.code, place.name)
                shared += 1
    assert shared >= 8


def test_every_choice_has_both_languages_and_every_place_a_name_of_its_own() -> None:
    """No place stands twice in a form; choices exist where something is chosen, and nowhere else."""
    for offer in CATALOGUE.offers.values():
        names = [place.name for place in offer.places]
        assert len(names) == len(set(names))
        for place in offer.places:
            assert bool(place.choices) == (place.input is Input.CHOICE)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=手当", {ALLOWANCE}),
        ("q=ＮＵＲＳＥＲＹ", {"JT90000000000502"}),
        ("q=国保　軽減", {"JT90000000000101"}),
        ("q=child&kind=benefit", {ALLOWANCE, SUBSIDY}),
        ("event=birth", {ALLOWANCE, SUBSIDY}),
        ("event=insurance&kind=fee", {"JT90000000000101"}),
        ("event=nothing", set()),
        ("q=%3Cscript%3E", set()),
        ("", set(CATALOGUE.offers)),
    ],
)
async def test_procedures_are_found(lab: Lab, query: str, found: set[str]) -> None:
    """By words in either language and any width, by kind, by event, and by all of them together; the page lists the same."""
    browser = Browser(lab)
    listed = (await browser.get(f"/api/v1/procedures?{query}")).json()["procedures"]
    assert {one["code"] for one in listed} == found
    page = (await browser.get(f"/procedures?{query}")).text
    assert set(re.findall(r'data-code="([^"]+)"', page)) == found
    assert "<script>" not in page
    assert ('data-testid="empty"' in page) == (not found)


async def test_a_procedure_says_what_it_justifies(lab: Lab) -> None:
    """Its page names each item that may be asked for and each paper that saves, without a login; an ordinance is marked as such."""
    browser = Browser(lab, "en")
    told = (await browser.get(f"/api/v1/procedures/{SUBSIDY}")).json()
    rows = [row for row in BOOK.rows.values() if row.procedure.code == SUBSIDY]
    assert [one["item"] for one in told["asked"]] == [BOOK.items[row.item].name.en for row in rows]
    assert [one["by_ordinance"] for one in told["asked"]] == [True, True]
    page = unescape(visible((await browser.get(f"/procedures/{SUBSIDY}")).text))
    for row in rows:
        assert BOOK.items[row.item].name.en in page
        assert all(paper.en in page for paper in row.papers)
    assert "by ordinance" in page
    assert (await browser.get("/procedures/JT90000000009999")).status_code == 404


async def test_applying_needs_a_login(lab: Lab) -> None:
    """Form and drafts lead to the login; a program is told 401; nothing is kept."""
    browser = Browser(lab)
    for path in (f"/procedures/{ALLOWANCE}/apply", "/applications", "/applications/x", "/applications/drafts/x"):
        assert (await browser.get(path)).headers["location"].startswith("/login?next="), path
        if not path.startswith("/procedures"):
            assert (await browser.get(f"/api/v1{path}")).status_code == 401
    posted = await browser.post(f"/procedures/{ALLOWANCE}/apply", FORM)
    assert posted.headers["location"] == f"/login?next=/procedures/{ALLOWANCE}/apply"
    assert (await browser.post(f"/api/v1/procedures/{ALLOWANCE}/apply", FORM)).status_code == 401
    assert lab.store.read(lambda c: c.execute(drafts.select()).all()) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("institution", ""),
        ("institution", "tax-480011"),
        ("child_name", ""),
        ("child_name", "あ" * 101),
        ("child_name", "a\x07b"),
        ("child_name", "999123456789"),
        ("child_name", "９９９１-２３４５-６７８９"),
        ("child_birth_date", "2026-02-30"),
        ("child_birth_date", "２０２６-02-01"),
        ("child_birth_date", "yesterday"),
        ("lives_together", "2"),
        ("lives_together", ""),
        ("january_1_municipality", "131041"),
    ],
)
async def test_what_is_wrong_in_a_form_is_said_beside_its_place(hana: Browser, place: str, value: str) -> None:
    """The form comes back with 400, what was typed, and the mistake tied to its place; nothing is kept."""
    response = await hana.post(f"/procedures/{ALLOWANCE}/apply", FORM | {place: value})
    assert response.status_code == 400
    assert re.findall(r'class="mistake" id="([a-z_0-9]+)-problem"', response.text) == [place]
    assert re.search(
        rf'id="{place}"[^>]*aria-describedby="[^"]*{place}-problem[^"]*"[^>]*aria-invalid="true"', response.text
    )
    refused = await hana.post(f"/api/v1/procedures/{ALLOWANCE}/apply", FORM | {place: value})
    assert set(refused.json()["error"]["places"]) == {place}
    assert hana.lab.store.read(lambda c: c.execute(drafts.select()).all()) == []


async def test_markup_in_a_place_stays_text(hana: Browser) -> None:
    """What is typed is shown as text on the form, on the draft's page and nowhere as markup."""
    bad = '<img src=x onerror="alert(1)">'
    refused = await hana.post(f"/procedures/{ALLOWANCE}/apply", FORM | {"child_name": bad, "institution": ""})
    assert "<img" not in refused.text
    page = (await hana.get(f"/applications/drafts/{await drafted(hana, child_name=bad)}")).text
    assert "<img" not in page
    assert "&lt;img" in page


async def test_a_draft_is_shown_whole_and_can_be_changed(hana: Browser) -> None:
    """Its page shows institution and places in words; the form opens again with what was chosen and typed."""
    draft = await drafted(hana)
    page = visible((await hana.get(f"/applications/drafts/{draft}")).text)
    for words in ("青凪市 こども家庭課", "汐見　海", "2026-03-01", "同居", "榧野町"):
        assert words.replace("　", " ") in page
    again = (await hana.get(f"/procedures/{ALLOWANCE}/apply?draft={draft}")).text
    assert f'<option value="{OFFICE}" selected>' in again
    assert '<option value="480029" selected>' in again
    assert 'value="汐見　海"' in again
    assert re.search(r'name="lives_together" value="0" checked', again)


async def test_the_card_signs_exactly_the_draft(hana: Browser) -> None:
    """The digest in the card's address is that of the form which is stored and later sent; its fingerprint stands on the page."""
    draft = await drafted(hana)
    asked = await wish(hana, draft)
    page = (await hana.get(f"/applications/drafts/{draft}")).text
    await hana.get(await back(hana.lab, hana, draft))
    (sealed,) = await fetched(hana.lab)
    signed = post_pb2.SignedApplication.FromString(_opened(hana.lab, sealed))
    digest = sha256(signed.form).digest()
    assert _decoded(asked["digest"]) == digest
    assert asked["origin"] == hana.lab.portal_origin
    assert " ".join(re.findall("....", digest.hex()[:16])) in page


def _opened(lab: Lab, sealed: post_pb2.SealedApplication, institution: str = OFFICE) -> bytes:
    info = domains.APPLICATION_SEAL + sealed.application_id.encode()
    return lab.keyring.made[institution].open(sealed.key_id, sealed.sealed, info)


async def test_a_signed_application_reaches_its_institution_alone(lab: Lab, hana: Browser) -> None:
    """Only the addressee fetches it and opens it, with form and certificate as they were; the draft is gone."""
    sent = await applied(lab, hana)
    assert await fetched(lab, OTHER) == []
    (sealed,) = await fetched(lab)
    assert (sealed.application_id, sealed.procedure, sealed.position) == (sent, ALLOWANCE, 1)
    signed = post_pb2.SignedApplication.FromString(_opened(lab, sealed))
    form = post_pb2.ApplicationForm.FromString(signed.form)
    assert (form.application_id, form.institution, form.procedure) == (sent, OFFICE, ALLOWANCE)
    values = {field.name: field.value for field in form.fields}
    assert values == {
        "child_name": "汐見　海",
        "child_birth_date": "2026-03-01",
        "lives_together": "同居",
        "january_1_municipality": "榧野町",
    }
    holder = application.verify(
        signed.form, signed.certificate, signed.signature, lab.authority.certificate, lab.clock.network()
    )
    assert holder.name == HANA.basic_items.name
    assert lab.store.read(lambda c: c.execute(drafts.select()).all()) == []


async def test_nothing_that_was_filled_in_lies_open_at_the_portal(lab: Lab, hana: Browser, tmp_path: Path) -> None:
    """Neither draft nor application nor what was told of it leaves a word of the form, or the applicant's name, in any file."""
    canary = "海猫丸ノ助"
    draft = await drafted(hana, child_name=canary)
    assert canary.encode() not in _files(tmp_path)
    await hana.get(await back(lab, hana, draft))
    await tell(lab, draft, post_pb2.APPLICATION_STATE_GRANTED, note=f"{canary}の分")
    everything = _files(tmp_path)
    assert canary.encode() not in everything
    row = lab.store.read(lambda c: c.execute(applications.select()).one())
    assert canary in (await hana.get(f"/applications/{draft}")).text
    assert all(HANA.basic_items.name.encode() not in value for value in row if isinstance(value, bytes))


def _files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("portal-main*")) if path.is_file())


async def test_the_real_card_service_signs(lab: Lab, hana: Browser) -> None:
    """The card service takes the portal's address, signs after the password and leads back to an application that is sent."""
    draft = await drafted(hana)
    asked = await wish(hana, draft)
    shown = await hana.get(f"{lab.card_origin}/signature?" + urlsplit(await _sign(hana, draft)).query)
    assert shown.status_code in {200, 303}
    card = tray.one(lab.people, HANA.person)
    assert card is not None
    form = asked | {"card": card.card, "password": card.password}
    led = await hana.post(f"{lab.card_origin}/signature", form)
    assert led.status_code == 303, led.text
    sent = await hana.get(led.headers["location"])
    assert sent.headers["location"] == f"/applications/{draft}?sent"
    assert len(await fetched(lab)) == 1


async def _sign(browser: Browser, draft: str) -> str:
    address: str = (await browser.get(f"/api/v1/applications/drafts/{draft}")).json()["sign"]
    return address


async def test_a_signature_over_anything_else_sends_nothing(lab: Lab, hana: Browser) -> None:
    """Another draft's signature, none, a stranger's authority and a certificate that is not good lead back to the draft."""
    draft, other = await drafted(hana), await drafted(hana)
    swapped = (await back(lab, hana, other)).replace(other, draft)
    good = await back(lab, hana, draft)
    bare = good.partition("?")[0]
    problems = {}
    for name, way in {"swapped": swapped, "none": bare, "noise": f"{bare}?certificate=%00&signature=AAAA"}.items():
        problems[name] = (await hana.get(way)).headers["location"]
    lab.authority.statuses = dict.fromkeys(lab.authority.statuses, False)
    problems["suspended"] = (await hana.get(good)).headers["location"]
    page = f"/applications/drafts/{draft}?problem="
    wrong = dict.fromkeys(("swapped", "none", "noise"), f"{page}signature")
    assert problems == wrong | {"suspended": f"{page}certificate"}
    assert await fetched(lab) == []
    assert 'data-testid="draft-problem"' in (await hana.get(problems["swapped"])).text


async def test_while_the_directory_is_away_the_draft_stays(lab: Lab, hana: Browser) -> None:
    """Without a key to seal to nothing is sent; the same signature serves once the directory is back."""
    draft = await drafted(hana)
    way = await back(lab, hana, draft)
    lab.keyring.down = True
    assert (await hana.get(way)).headers["location"].endswith("?problem=unavailable")
    lab.keyring.down = False
    assert (await hana.get(way)).headers["location"] == f"/applications/{draft}?sent"
    assert len(await fetched(lab)) == 1


async def test_coming_back_twice_sends_once(lab: Lab, hana: Browser) -> None:
    """A reloaded way back leads to the application that was sent, and there is one of it."""
    draft = await drafted(hana)
    way = await back(lab, hana, draft)
    for _ in range(2):
        assert (await hana.get(way)).headers["location"] == f"/applications/{draft}?sent"
    assert len(await fetched(lab)) == 1


async def test_nobody_sees_or_sends_anothers(lab: Lab, hana: Browser) -> None:
    """Another person's draft and application are missing like ones that never were, on pages and as JSON."""
    draft, sent = await drafted(hana), await applied(lab, hana)
    way = await back(lab, hana, draft)
    sora = Browser(lab)
    await sora.log_in(SORA)
    for path in (f"/applications/drafts/{draft}", f"/applications/{sent}"):
        assert (await sora.get(path)).status_code == 404
        assert (await sora.get(f"/api/v1{path}")).status_code == 404
    assert (await sora.get(way)).status_code == 404
    assert (await sora.get(f"/procedures/{ALLOWANCE}/apply?draft={draft}")).text.count("汐見") == 0
    assert (await sora.get("/api/v1/applications")).json()["applications"] == []
    assert len(await fetched(lab)) == 1


async def test_a_draft_lives_an_hour(lab: Lab, hana: Browser) -> None:
    """After an hour by the machine's clock it is not there any more, and the job forgets it; a younger one stays."""
    draft = await drafted(hana)
    lab.clock.machine_now += LIFE - timedelta(seconds=1)
    await hana.log_in()
    assert (await hana.get(f"/applications/drafts/{draft}")).status_code == 200
    assert await lab.portal.jobs["drafts"]() == 0
    lab.clock.machine_now += timedelta(seconds=1)
    assert (await hana.get(f"/applications/drafts/{draft}")).status_code == 404
    assert await lab.portal.jobs["drafts"]() == 1


async def test_an_account_has_few_drafts(hana: Browser) -> None:
    """With one more than are kept, the oldest goes."""
    made = []
    for _ in range(MOST_DRAFTS + 1):
        made.append(await drafted(hana))
        hana.lab.clock.machine_now += timedelta(seconds=1)
    statuses = [(await hana.get(f"/applications/drafts/{draft}")).status_code for draft in made]
    assert statuses == [404] + [200] * MOST_DRAFTS


async def test_progress_is_shown_with_papers_and_inquiries(lab: Lab, hana: Browser) -> None:
    """The page and its JSON tell state, papers saved and to bring, the note, and the inquiry as a link into one's own history."""
    sent = await applied(lab, hana)
    await lab.deliver([told := Told(requester=OFFICE, provider="tax-480029", row="P01")])
    paper = BOOK.rows["P01"].papers[0]
    saved = [{"ja": paper.ja, "en": paper.en}]
    await tell(
        lab, sent, post_pb2.APPLICATION_STATE_AWAITS_PAPER, papers_saved=saved,
        papers_to_bring=[{"ja": "住民票の写し", "en": "Copy of the resident record"}],
        request_ids=[told.request_id], note="世帯を確かめます。",
    )  # fmt: skip
    page = (await hana.get(f"/applications/{sent}")).text
    assert 'data-state="AWAITS_PAPER"' in page
    assert f'href="/history/{told.request_id}"' in page
    for words in (paper.ja, "住民票の写し", "世帯を確かめます。"):
        assert words in visible(page)
    document = (await hana.get(f"/api/v1/applications/{sent}")).json()
    assert (document["state"], document["request_ids"]) == ("AWAITS_PAPER", [told.request_id])
    assert document["papers_saved"] == saved
    listed = (await hana.get("/api/v1/applications")).json()["applications"]
    assert [(one["application_id"], one["state"]) for one in listed] == [(sent, "AWAITS_PAPER")]


async def test_an_inquiry_that_is_not_in_ones_history_is_not_mentioned(lab: Lab, hana: Browser) -> None:
    """Ids of exchanges that are withheld, pending or another person's leave no trace on the page or in its JSON."""
    sent = await applied(lab, hana)
    await lab.deliver([others := Told()], SORA)
    ids = [others.request_id, "00000000-0000-4000-8000-000000000000"]
    before = visible((await hana.get(f"/applications/{sent}")).text)
    await tell(lab, sent, post_pb2.APPLICATION_STATE_SENT + 1, request_ids=ids)
    with_ids = visible((await hana.get(f"/applications/{sent}")).text)
    await tell(lab, sent, post_pb2.APPLICATION_STATE_SENT + 1)
    without = visible((await hana.get(f"/applications/{sent}")).text)
    assert with_ids == without != before
    assert (await hana.get(f"/api/v1/applications/{sent}")).json()["request_ids"] == []


async def test_once_the_institution_has_it_the_portal_does_not(lab: Lab, hana: Browser) -> None:
    """The first word about an application erases what was sealed, and it is not handed out again."""
    sent = await applied(lab, hana)
    assert len(await fetched(lab)) == 1
    await tell(lab, sent, post_pb2.APPLICATION_STATE_RECEIVED)
    assert await fetched(lab) == []
    assert lab.store.read(lambda c: c.execute(applications.select()).one()).sealed is None


async def test_older_news_changes_nothing(lab: Lab, hana: Browser) -> None:
    """What an institution says was true before what is known has no effect; the same instant counts as newer."""
    sent = await applied(lab, hana)
    lab.clock.network_now += timedelta(days=1)
    await tell(lab, sent, post_pb2.APPLICATION_STATE_IN_WORK)
    await tell(lab, sent, post_pb2.APPLICATION_STATE_GRANTED)
    lab.clock.network_now -= timedelta(hours=1)
    await tell(lab, sent, post_pb2.APPLICATION_STATE_REFUSED)
    assert (await hana.get(f"/api/v1/applications/{sent}")).json()["state"] == "GRANTED"


async def test_only_the_addressee_tells(lab: Lab, hana: Browser) -> None:
    """Another institution's word is refused like one about an application that never was; nothing changes."""
    sent = await applied(lab, hana)
    for application_id, institution in ((sent, OTHER), ("nothing", OFFICE)):
        with pytest.raises(LinkageError) as refused:
            await tell(lab, application_id, post_pb2.APPLICATION_STATE_GRANTED, institution)
        assert refused.value.reason == Reason.CLIENT_APPLICATION_UNKNOWN
    assert (await hana.get(f"/api/v1/applications/{sent}")).json()["state"] == "SENT"


@pytest.mark.parametrize(
    "said",
    [
        {"state": post_pb2.APPLICATION_STATE_SENT},
        {"state": 0},
        {"state": 99},
        {"note": "あ" * 201},
        {"note": "a\x00"},
        {"papers_saved": [{"ja": "", "en": "x"}]},
        {"papers_to_bring": [{"ja": "x", "en": "x" * 201}]},
        {"papers_saved": [{"ja": "x", "en": "x"}] * 21},
        {"request_ids": ["x"] * 101},
        {"request_ids": ["x" * 65]},
    ],
    ids=[
        "its own state",
        "no state",
        "an unknown state",
        "a long note",
        "a control character",
        "a nameless paper",
        "a paper with a long name",
        "many papers",
        "many requests",
        "a long request id",
    ],
)
async def test_malformed_progress_is_refused(lab: Lab, hana: Browser, said: dict) -> None:
    """What is no state, too long, too much or unprintable is refused and changes nothing."""
    sent = await applied(lab, hana)
    with pytest.raises(LinkageError):
        await tell(lab, sent, **({"state": post_pb2.APPLICATION_STATE_GRANTED} | said))
    assert (await hana.get(f"/api/v1/applications/{sent}")).json()["state"] == "SENT"


async def test_a_change_of_state_is_a_notice_that_leads_there(lab: Lab, hana: Browser) -> None:
    """Each new state is one notice; news within a state is none; the sending is in the operation history."""
    sent = await applied(lab, hana)
    await tell(lab, sent, post_pb2.APPLICATION_STATE_IN_WORK)
    await tell(lab, sent, post_pb2.APPLICATION_STATE_IN_WORK, note="もう少しです。")
    await tell(lab, sent, post_pb2.APPLICATION_STATE_GRANTED)
    notices = (await hana.get("/api/v1/notices")).json()["notices"]
    ours = [one for one in notices if one["kind"] == "application"]
    assert [one["about"] for one in ours] == [f"/applications/{sent}"] * 2
    assert [one["values"]["state"] for one in ours] == ["APPLICATION_STATE_GRANTED", "APPLICATION_STATE_IN_WORK"]
    assert "granted" in ours[0]["texts"]["en"]
    acts = [one["act"] for one in (await hana.get("/api/v1/operations")).json()["operations"]]
    assert "application" in acts


async def test_applications_are_paged(lab: Lab, hana: Browser) -> None:
    """Newest first, each once, whatever the page."""
    made = []
    for _ in range(23):
        made.append(await applied(lab, hana))
        lab.clock.network_now += timedelta(minutes=1)
    first = (await hana.get("/api/v1/applications")).json()
    second = (await hana.get(f"/api/v1/applications?before={first['next']}")).json()
    ids = [one["application_id"] for page in (first, second) for one in page["applications"]]
    assert ids == made[::-1]
    assert second["next"] is None
    assert 'rel="next"' in (await hana.get("/applications")).text


async def test_a_proxy_applies_for_nobody(lab: Lab) -> None:
    """While acting for a principal neither form nor applications are open."""
    _, proxy, _ = await acting(lab)
    for path in (f"/procedures/{ALLOWANCE}/apply", "/applications"):
        assert (await proxy.get(path)).status_code in {403, 409}
    assert (await proxy.post(f"/procedures/{ALLOWANCE}/apply", FORM)).status_code in {403, 409}


async def test_every_page_is_english_for_who_reads_english(lab: Lab) -> None:
    """Apart from what was typed and the notices in both languages, nothing Japanese is left on any of the pages."""
    browser = Browser(lab, "en")
    await browser.log_in()
    draft = await drafted(browser, child_name="Umi")
    sent = await browser.get(await back(lab, browser, draft))
    paths = ["/procedures", f"/procedures/{SUBSIDY}", f"/procedures/{ALLOWANCE}/apply", sent.headers["location"]]
    paths += ["/applications", f"/applications/drafts/{await drafted(browser, child_name='Umi')}"]
    for path in paths:
        text = visible((await browser.get(path)).text).replace("これは訓練用シミュレータです", "").replace("日本語", "")
        assert not [letter for letter in text if "\u3040" <= letter <= "\u9fff"], path


async def test_applications_go_when_their_term_is_over(lab: Lab, hana: Browser) -> None:
    """With the month's key goes what was told, and the row with it, after the same term as the history's."""
    sent = await applied(lab, hana)
    await tell(lab, sent, post_pb2.APPLICATION_STATE_GRANTED, note="認めます。")
    lab.clock.network_now += timedelta(days=31 * (int(RETENTION) + 2))
    await lab.portal.jobs["retention"]()
    assert lab.store.read(lambda c: c.execute(applications.select()).all()) == []
