"""Addresses that may carry a name and a password, taken apart so that nobody prints the password."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit


class Address(NamedTuple):
    """An address without its credentials, fit to be shown, and the credentials; both words empty where it has none."""

    url: str
    username: str = ""
    password: str = ""


def address_of(url: str) -> Address:
    """`https://name:word@host/path` taken apart; quoted characters of name and password are unquoted."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return Address(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return Address(bare, unquote(parts.username or ""), unquote(parts.password or ""))
