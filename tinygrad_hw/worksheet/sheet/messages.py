"""Parts of the messages about a sheet: the position of an entry, a stranger's text made safe."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*\[+([^\[\]]*)\]+\s*(#.*)?")


def position(where: str, lines: list[str], section: str, key: str) -> str:
    """Return the file, and the line of an entry where that is known."""
    line = _line_of(lines, section, key)
    return f"{where}, line {line}" if line else where


def _line_of(lines: list[str], section: str, key: str) -> int | None:
    """Find where a key stands, counted from 1, or else where its section or a part of it begins.

    A search in the text, since tomllib keeps no positions; good for the usual way of writing.
    """
    here, begins = "", None
    whole = f"{section}.{key}".strip(".")
    for number, line in enumerate(lines, start=1):
        if header := _HEADER.fullmatch(line):
            here = header[1].strip()
            if here in (section, whole) or here.startswith(whole + "."):
                begins = begins or number
        elif here == section and key and line.split("=")[0].strip().strip("\"'") == key:
            return number
    return begins


def abbreviate(text: str) -> str:
    """Quote a stranger's text, without control characters and not too long."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def printable(text: str) -> str:
    """Replace characters that could move a terminal's cursor or hide a part of the line."""
    return "".join(c if c.isprintable() else " " for c in text)[:500]
