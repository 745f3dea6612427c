"""Domain separation."""

import re
from itertools import permutations

from warifu.exchange import domains


def test_no_tag_is_a_prefix_of_another():
    """No tag begins another and all have the form warifu/<use>/v<n> and a zero byte (PROTO-3.10)."""
    assert not [pair for pair in permutations(domains.ALL, 2) if pair[0].startswith(pair[1])]
    assert all(re.fullmatch(rb"warifu/[a-z-]+/v[0-9]+\x00", tag) for tag in domains.ALL)


def test_every_tag_is_in_the_list():
    """A tag that is defined but not listed would escape the comparison, so there is none."""
    defined = {value for name, value in vars(domains).items() if isinstance(value, bytes) and name.isupper()}
    assert defined == set(domains.ALL)
    assert len(domains.ALL) == len(set(domains.ALL))
