"""Identifiers: names for the variables of a program, from the user's labels where there are any."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata

LONGEST = 40
_JAVASCRIPT = (
    "Array Error Infinity Math NaN Number Object String Symbol arguments await case catch const "
    "constructor debugger default delete do document enum eval export extends false function "
    "implements instanceof interface let new null package private protected prototype public "
    "static super switch this throw true typeof undefined var void window"
).split()
_RESERVED = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *_JAVASCRIPT, "np", "math"}


class Identifiers:
    """Unique identifiers that are reserved neither in Python nor in JavaScript."""

    def __init__(self, reserved: set[str]) -> None:
        self._used = _RESERVED | reserved
        self._unnamed = 0

    def choose(self, labels: list[str]) -> str:
        """Return a name made from the first label that can be one, else ``t1``, ``t2``, …."""
        for label in labels:
            wanted = identifier(label)
            if wanted:
                return self._unique(wanted)
        self._unnamed += 1
        return self._unique(f"t{self._unnamed}")

    def _unique(self, wanted: str) -> str:
        name, count = wanted, 1
        while name in self._used:
            count += 1
            name = f"{wanted}_{count}"
        self._used.add(name)
        return name


def identifier(label: str) -> str:
    """Return a label's letters, digits and underscores as an identifier, or an empty string.

    A label may come from an untrusted sheet. The identifier is plain ASCII, begins with a letter
    and is at most 40 characters long, so it can neither end a line nor begin a call.
    """
    plain = unicodedata.normalize("NFKD", label[: 4 * LONGEST])
    plain = re.sub(r"[^A-Za-z0-9]+", "_", plain.encode("ascii", "ignore").decode()).strip("_")
    plain = plain[:LONGEST].strip("_")
    return plain if plain[:1].isalpha() else f"v_{plain}" if plain else ""
