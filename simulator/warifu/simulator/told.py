"""Errors that a person is told, in both languages, with what to do next."""

from __future__ import annotations


class ToldError(Exception):
    """An error with its text in Japanese and in English; `str` gives the English one."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(en)
        self.ja = ja
        self.en = en
