"""Names and labels as text: printable, shortened, sorted, measured.

A label may come from anybody, and may hold any characters.
"""

import re
import unicodedata

LONGEST_NAME = 32


def printable(text: str) -> str:
    """Return the text as one line of printable characters."""
    line = " ".join(unicodedata.normalize("NFC", text).split())
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


def shorten(text: str) -> str:
    """Cut the middle out of a text longer than ``LONGEST_NAME``."""
    return text if len(text) <= LONGEST_NAME else f"{text[:18]}…{text[-13:]}"


def natural_sort_key(name: str) -> list[tuple[str, int]]:
    """Return a key that sorts w2 before w10.

    >>> sorted(["w10", "b", "w2"], key=natural_sort_key)
    ['b', 'w2', 'w10']
    """
    return [(word, int(digits or 0)) for word, digits in re.findall(r"(\D+|^)(\d{0,9})", name)]


def display_width(text: str) -> int:
    """Return how many columns a text has in a typewriter face.

    A Chinese character has two, an accent none.
    """
    accents = sum(unicodedata.combining(c) > 0 for c in text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - accents


# Where a formula may begin; a tab or a return before it may be dropped. In Japanese, a spreadsheet
# takes the wide signs, too.
FORMULA_SIGNS = r"=+\-@＝＋－＠"
_FORMULA = re.compile(rf"^(?=[\t\r])|(?:^|(?<=[;,|\t]))([\s\"']*)(?=[{FORMULA_SIGNS}])")
_MOST_IN_CELL = 32_767  # of what is longer, Excel makes cells of its own


def spreadsheet_cell(text: str) -> str:
    """Return a text, on one line, of which a spreadsheet takes no part for a formula.

    A spreadsheet may split it at other separators than those of the file, a German one at ";". What
    is longer than a cell of Excel's is cut.

    >>> spreadsheet_cell("=1+1")
    "'=1+1"
    >>> spreadsheet_cell("class 3;=1+1")
    "class 3;'=1+1"
    """
    marked = _FORMULA.sub(lambda found: f"{found[1] or ''}'", text)
    return " ".join(marked.splitlines())[:_MOST_IN_CELL]
