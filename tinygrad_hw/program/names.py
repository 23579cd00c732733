"""Names for the variables of a program: the student's own, once they are safe to be in code."""

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
_TAKEN = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *_JAVASCRIPT, "np", "math"}


class Names:
    """Gives every variable a name of its own, in Python and in JavaScript."""

    def __init__(self, taken: set[str]) -> None:
        self._used = _TAKEN | taken
        self._unnamed = 0

    def give(self, labels: list[str]) -> str:
        """Make a name from the first label that can be one, or a new ``t1``, ``t2``, …."""
        for label in labels:
            wanted = identifier(label)
            if wanted:
                return self._fresh(wanted)
        self._unnamed += 1
        return self._fresh(f"t{self._unnamed}")

    def _fresh(self, wanted: str) -> str:
        name, count = wanted, 1
        while name in self._used:
            count += 1
            name = f"{wanted}_{count}"
        self._used.add(name)
        return name


def identifier(label: str) -> str:
    """The letters, digits and underscores of a label, as an identifier; empty if none are left.

    A label may come from anybody's sheet. What is returned is plain ASCII, begins with a letter and
    is at most 40 characters long, so it can neither end a line nor begin a call.
    """
    plain = unicodedata.normalize("NFKD", label[: 4 * LONGEST])
    plain = re.sub(r"[^A-Za-z0-9]+", "_", plain.encode("ascii", "ignore").decode()).strip("_")
    plain = plain[:LONGEST].strip("_")
    return plain if plain[:1].isalpha() else f"v_{plain}" if plain else ""
