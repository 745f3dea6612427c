"""Relationship to the head of a household (続柄), read off the family's parents, children and partners.

Labels follow the resident record's habit: 世帯主, 妻, 夫(未届), 子, 父, 妻の母, 子の妻, 子の子, 祖母, 弟; 縁故者 for kin further
away, 同居人 for who is no kin.
"""

from datetime import date

from warifu.simulator.population.drafts import Draft
from warifu.simulator.population.names import Sex

HEAD = "世帯主"
LODGER = "同居人"
DISTANT = "縁故者"
_LONGEST = 3
_GRANDPARENTS = {("父", "父"): "祖父", ("母", "父"): "祖父", ("父", "母"): "祖母", ("母", "母"): "祖母"}


def relationship(head: Draft, other: Draft, day: date) -> str:
    """The label of ``other`` in a household of ``head`` on that day."""
    if other is head:
        return HEAD
    steps = _path(head, other, day)
    if steps is None:
        return LODGER
    if steps[:2] in _GRANDPARENTS:
        steps = (_GRANDPARENTS[steps[0], steps[1]], *steps[2:])
    elif steps[0] in {"父", "母"} and steps[1:] == ("子",):
        steps = (_sibling(head, other),)
    return "の".join(steps) if len(steps) <= _LONGEST else DISTANT


def _path(start: Draft, goal: Draft, day: date) -> tuple[str, ...] | None:
    """The shortest chain of steps from one person to another; partners before children before parents."""
    seen = {start}
    frontier: list[tuple[Draft, tuple[str, ...]]] = [(start, ())]
    while frontier:
        following: list[tuple[Draft, tuple[str, ...]]] = []
        for draft, steps in frontier:
            for label, neighbour in _neighbours(draft, day):
                if steps[-1:] == ("子",) and label in {"父", "母"}:
                    continue  # a child's other parent is kin only through a partnership
                if neighbour is goal:
                    return (*steps, label)
                if neighbour not in seen:
                    seen.add(neighbour)
                    following.append((neighbour, (*steps, label)))
        frontier = following
    return None


def _neighbours(draft: Draft, day: date) -> list[tuple[str, Draft]]:
    near: list[tuple[str, Draft]] = []
    partnership = draft.partnership_on(day)
    if partnership is not None:
        label = "夫" if partnership.partner.sex is Sex.MALE else "妻"
        near.append((label if partnership.registered else f"{label}(未届)", partnership.partner))
    near += [("子", child) for child in draft.children]
    if draft.father is not None:
        near.append(("父", draft.father))
    if draft.mother is not None:
        near.append(("母", draft.mother))
    return near


def _sibling(head: Draft, other: Draft) -> str:
    older = other.birth < head.birth
    if other.sex is Sex.MALE:
        return "兄" if older else "弟"
    return "姉" if older else "妹"
