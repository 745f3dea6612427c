"""The picture as a JSON document: steps, parties, everything that each holds with its bytes, in both languages."""

from __future__ import annotations

from typing import Any

from warifu.law import Text
from warifu.simulator.stage.picture.model import Actor, Fact, Held, Picture, Step


def document(picture: Picture) -> dict[str, Any]:
    """`{request_id, outcome, headline, final, facts, steps, parties}`; bytes are hexadecimal, texts `{ja, en}`."""
    return {
        "request_id": picture.request_id,
        "outcome": picture.outcome,
        "headline": _text(picture.headline),
        "final": picture.final,
        "facts": [_fact(fact) for fact in picture.facts],
        "steps": [_step(step) for step in picture.steps],
        "parties": [_actor(actor) for actor in picture.board],
    }


def _step(step: Step) -> dict[str, Any]:
    wires = [{"from": wire.start, "to": wire.end, "what": _text(wire.label), "kind": wire.kind} for wire in step.wires]
    told = {"number": step.number, "title": _text(step.title), "text": _text(step.text)}
    return {**told, "state": step.state, "travels": wires}


def _actor(actor: Actor) -> dict[str, Any]:
    return {
        "role": actor.role,
        "party": actor.party,
        "name": _text(actor.name) if actor.name.ja else _text(actor.title),
        "could_be_read": actor.seen,
        "bytes_searched": actor.searched,
        "not_held": [{"what": _text(one.label), "found": one.found} for one in actor.absences],
        "held": [_held(held) for held in actor.held],
    }


def _held(held: Held) -> dict[str, Any]:
    return {
        "name": held.name,
        "kind": held.kind,
        "label": _text(held.label),
        "value": _text(held.value),
        "since_step": held.since,
        "source": held.source,
        "size": len(held.raw),
        "bytes": held.raw.hex(),
        "commitment_fits": held.fits,
        "facts": [_fact(fact) for fact in held.facts],
    }


def _fact(fact: Fact) -> dict[str, Any]:
    return {"label": _text(fact.label), "value": _text(fact.value)}


def _text(text: Text) -> dict[str, str]:
    return {"ja": text.ja, "en": text.en}
