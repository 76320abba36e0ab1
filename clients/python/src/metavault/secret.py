"""Strings that must not be shown."""

from __future__ import annotations

import re
from collections.abc import Callable

#: An API key, or a function that returns a token of an issuer (called for each request, so it should cache).
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
    """The header's value. Raises ValueError, without quoting the value, if it cannot be a token."""
    token = credential()
    # http.client would quote the whole header in its error.
    if not _TOKEN.fullmatch(token):
        raise ValueError("A key or token must be printable ASCII without spaces or line breaks.")
    return f"Bearer {token}"


def without_tokens(text: str) -> str:
    """Replaces everything in the text that looks like a token."""
    return _TOKENS_IN_TEXT.sub("[token]", text)
