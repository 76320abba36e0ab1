"""Strings that must not be seen."""

from __future__ import annotations

import re
from collections.abc import Callable

#: An API key, or a function that returns a token of an issuer (asked for each request; it may cache).
Credential = str | Callable[[], str]

_TOKEN = re.compile(r"[\x21-\x7e]+")
_TOKENS_IN_TEXT = re.compile(r"\b(?:mt[lv]_|EAA|IGAA|THAA)[\w-]{6,}")


class Secret:
    """Holds a string that neither repr() nor str() shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "[secret]"


def authorization(credential: Callable[[], str]) -> str:
    """A header's value. Raises ValueError, which does not show it, for what cannot be a token."""
    token = credential()
    # http.client would quote the whole header in its error.
    if not _TOKEN.fullmatch(token):
        raise ValueError("A key or token must be printable ASCII without spaces or line breaks.")
    return f"Bearer {token}"


def without_tokens(text: str) -> str:
    """The text with everything that looks like a token taken out."""
    return _TOKENS_IN_TEXT.sub("[token]", text)
