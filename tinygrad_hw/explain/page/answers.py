"""Marks and fields for answers: what a sheet adds to its page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from tinygrad_hw.formatting import NOTHING, SIGNS, VERDICTS, Html, element

REVEALED = -1
_TYPED = {"autocomplete": "off", "spellcheck": "false", "enterkeyhint": "next"}


class Remark(NamedTuple):
    """The mark that an answer got.

    Attributes
    ----------
    name
        The node that the remark is about.
    part
        The answer that was marked, such as the partial ``dE/dw1``.
    written
        The number that was written; empty where none was.
    verdict
        The verdict on that number.
    explanation
        The reason for the verdict.
    """

    name: str
    part: str
    written: str
    verdict: str
    explanation: str


@dataclass(frozen=True)
class Form:
    """Fields to type answers into.

    Attributes
    ----------
    groups
        A heading, and for each field its label and its first content.
    sheet
        The sheet's text in pieces; a number stands for the answer in the field of that number, 0
        for the name of who answers, ``REVEALED`` for what has been revealed.
    file
        The name of the file that the page saves.
    student
        The first content of the field for a name.
    revealed
        What has been revealed so far, such as "z1" and "dE/dz1": the page shows nothing else before
        it is asked to. None where all is shown.
    problem
        What is to be worked out, as HTML; it stands above the fields.
    """

    groups: list[tuple[str, list[tuple[str, str]]]]
    sheet: list[str | int]
    file: str
    student: str = ""
    revealed: tuple[str, ...] | None = None
    problem: Html = NOTHING


def answers_section(remarks: list[Remark], form: Form | None) -> Html:
    """Build the section of marks and of fields for answers; nothing where there are neither."""
    parts: list[Html] = []
    if remarks:
        parts.append(_details("Marks", _tally(remarks), marks_table(remarks, named=True)))
    if form:
        count = sum(len(fields) for _, fields in form.groups)
        aside = element("span", f"{count} fields", id="filled")
        is_open = form.revealed is not None
        parts.append(_details("Your answers", aside, _fields(form), is_open))
    return element("section", *parts, id="sheet") if parts else NOTHING


def _fields(form: Form) -> Html:
    groups = [
        element(
            "fieldset",
            element("legend", heading),
            element("div", *(_answer(heading, *field) for field in fields)),
        )
        for heading, fields in form.groups
    ]
    note = (
        "Saved as a sheet for the command check. What is typed stays in this browser, and is there "
        "when the page is opened again."
    )
    name = element("input", value=form.student, **_TYPED)
    save = element("button", "Save as a sheet", type="submit")
    over = element("button", "Start over", type="button", id="over")
    status = element("p", id="saved", role="status")
    return element(
        "form",
        element("div", form.problem, class_="problem") if form.problem else NOTHING,
        element("label", "Name", name, class_="student"),
        *groups,
        element("p", id="unreadable", role="status"),
        element("p", note, class_="note"),
        save,
        " ",
        over,
        status,
        id="answers",
        aria_label="Your answers",
    )


def _answer(heading: str, label: str, value: str) -> Html:
    """Build a field under its label; a screen reader says the heading, too."""
    field = element(
        "input",
        value=value,
        **_TYPED,
        autocapitalize="off",
        size="11",
        aria_label=f"{heading}: {label}",
    )
    return element("label", label, field)


def _details(heading: str, aside: str, content: Html, is_open: bool = False) -> Html:
    """Build a section that opens on demand, or is open at first."""
    summary = element("summary", element("h2", heading), " ", element("span", aside, class_="note"))
    return element("details", summary, content, open="" if is_open else None)


def _tally(remarks: list[Remark]) -> str:
    """Count the remarks of each verdict."""
    counts = Counter(remark.verdict for remark in remarks)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])


def marks_table(remarks: list[Remark], named: bool) -> Html:
    """Build a table of answers and their marks; a sign shows the verdict without color.

    With ``named`` it has a column for the names of the nodes.
    """
    rows = [
        element(
            "tr",
            *([element("th", remark.name, scope="row")] if named else []),
            element("td", remark.part),
            element("td", remark.written or "–", class_="n"),
            element(
                "td",
                f"{SIGNS.get(remark.verdict, '')} {remark.verdict}",
                class_=f"mark {remark.verdict}",
            ),
            element("td", remark.explanation),
        )
        for remark in remarks
    ]
    columns = [*(["At"] if named else []), "Of", "Written", "Mark", "Why"]
    head = element("tr", *(element("th", column, scope="col") for column in columns))
    return element("table", element("thead", head), element("tbody", *rows), class_="marks")
