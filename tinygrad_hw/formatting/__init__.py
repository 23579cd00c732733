"""Numbers, names and HTML as people read them.

``numbers`` writes numbers in significant figures, ``text`` makes names printable, sorts and
measures them, ``html`` builds elements and typesets numbers and names in them, ``verdicts`` has the
signs and words of a mark.
"""

from tinygrad_hw.formatting.html import (
    NO_BREAK,
    NOTHING,
    Html,
    bullets,
    count,
    counted,
    element,
    escaped,
    figure,
    formula,
    ink_and_paper,
    join,
    letter_and_subscript,
    link,
    listed,
    paragraph,
    partial,
    prose,
    rounded_figure,
    row,
    section,
    signed,
    symbol,
    table,
    typeset,
)
from tinygrad_hw.formatting.numbers import FIGURES, bracketed, number, updated_number
from tinygrad_hw.formatting.text import (
    display_width,
    natural_sort_key,
    printable,
    shorten,
    spreadsheet_cell,
)
from tinygrad_hw.formatting.verdicts import MEANINGS, SIGNS, VERDICTS, with_sign

__all__ = [
    "FIGURES",
    "MEANINGS",
    "NOTHING",
    "NO_BREAK",
    "SIGNS",
    "VERDICTS",
    "Html",
    "bracketed",
    "bullets",
    "count",
    "counted",
    "display_width",
    "element",
    "escaped",
    "figure",
    "formula",
    "ink_and_paper",
    "join",
    "letter_and_subscript",
    "link",
    "listed",
    "natural_sort_key",
    "number",
    "paragraph",
    "partial",
    "printable",
    "prose",
    "rounded_figure",
    "row",
    "section",
    "shorten",
    "signed",
    "spreadsheet_cell",
    "symbol",
    "table",
    "typeset",
    "updated_number",
    "with_sign",
]
