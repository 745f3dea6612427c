"""The only place that knows what a linkage code (符号) looks like.

Everything else passes `SubjectReference` messages on and asks a `CodeScheme`. There is no look-up by person: a scheme turns one
institution's reference into another's and keeps nothing.
"""

from warifu.gateway.codes.epochs import Epochs
from warifu.gateway.codes.scheme import CodeScheme, CodeUnknownError, Subject
from warifu.gateway.codes.secret import token_secret
from warifu.gateway.codes.siv import SivScheme

__all__ = ["CodeScheme", "CodeUnknownError", "Epochs", "SivScheme", "Subject", "token_secret"]
