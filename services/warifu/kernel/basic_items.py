"""Basic items in the form in which they are compared: widths, variant kanji, hyphens and spaces made one.

Both what is searched and what is registered is folded, and only ever compared, never shown. Folding is deliberately narrow: 斎 and 斉 stay
different, 一丁目 is not 1丁目. A near miss must be no match, since a wrong match puts one person's data into another's hands.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import date
from typing import Final

from warifu.common.v1 import common_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import ADDRESS, NAME, check_text, malformed

DIGEST_SIZE: Final = 16

_VARIANTS: Final = str.maketrans(
    "髙﨑邉邊齋齊澤濵濱廣國櫻嶋嶌德惠眞榮圓條龍瀧淸舘壽實與藏學會團槇曾增栁桒冨𠮷髮鹽嶽渕巖穗豐禮靜應萬黑橫瀨邨埜峯ヶヵ",
    "高崎辺辺斎斉沢浜浜広国桜島島徳恵真栄円条竜滝清館寿実与蔵学会団槙曽増柳桑富吉髪塩岳淵巌穂豊礼静応万黒横瀬村野峰ケカ",
)
"""Old and variant forms (異体字), and the small ヶ and ヵ, to the form in daily use: pairs of one character, none changed twice."""
_SELECTORS: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_HYPHENS: Final = re.compile("[\u2010-\u2015\u2212\u30fc\uff70-](?=[0-9])")


_PASSES: Final = 4
"""Passes after which nothing changes any more, with one to spare."""


def fold(text: str) -> str:
    """`text` without differences of width, case, spacing and variant form."""
    for _ in range(_PASSES):  # a space taken away may join what stood apart: a letter and its accent
        text = _fold_once(text)
        if unicodedata.is_normalized("NFKC", text) and text == text.casefold():
            break
    return text


def _fold_once(text: str) -> str:
    plain = unicodedata.normalize("NFKC", _SELECTORS.sub("", text))
    return "".join(plain.split()).translate(_VARIANTS).casefold()


def fold_address(text: str) -> str:
    """`fold`, and every dash before a digit the same."""
    return _HYPHENS.sub("-", fold(text))


def digest(items: common_pb2.BasicItems) -> bytes:
    """16 bytes that are equal for items that match. The reading is no part: documents rarely show it."""
    parts = (fold(items.name), fold_address(items.address), items.birth_date, str(int(items.sex)))
    return hashlib.sha256("\x1f".join(parts).encode()).digest()[:DIGEST_SIZE]


def require(items: common_pb2.BasicItems) -> common_pb2.BasicItems:
    """The items when all four are there and well-formed.

    Raises:
        LinkageError: CLIENT_LOOKUP_TOO_FEW_ITEMS when one of the four is missing (fewer than four led to the mislinks found in 2023);
            CLIENT_MALFORMED or CLIENT_TOO_LARGE naming the field.
    """
    if not (items.name.strip() and items.address.strip() and items.birth_date and items.sex):
        raise LinkageError(Reason.CLIENT_LOOKUP_TOO_FEW_ITEMS)
    check_text(items.name, "basic_items.name", NAME)
    check_text(items.kana, "basic_items.kana", NAME, required=False)
    check_text(items.address, "basic_items.address", ADDRESS)
    parse_day(items.birth_date, "basic_items.birth_date")
    if items.sex not in {common_pb2.SEX_MALE, common_pb2.SEX_FEMALE}:
        raise malformed("basic_items.sex", "unknown value")
    return items


def parse_day(text: str, field: str) -> date:
    """An ISO 8601 calendar date such as "2026-04-06"; CLIENT_MALFORMED naming `field` for anything else."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise malformed(field, "not a date of the form 2026-04-06")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise malformed(field, "no such day") from None
