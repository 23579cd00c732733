"""Ask for the answers of a sheet one by one, and write them into its file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tinygrad_hw.files import write_files
from tinygrad_hw.formatting.numbers import bracketed
from tinygrad_hw.worksheet.sheet.arrays import scalar_name
from tinygrad_hw.worksheet.sheet.model import Sheet, SheetError
from tinygrad_hw.worksheet.sheet.reader import parse_sheet, read_text
from tinygrad_hw.worksheet.sheet.writer import answers_text, quoted, sheet_text
from tinygrad_hw.worksheet.solution.blanks import blanks
from tinygrad_hw.worksheet.solution.dependencies import with_gaps

Place = tuple[str | int, ...]  # the keys, from the outermost, that lead to a value of the file


def fill(
    path: Path,
    ask: Callable[[str], str],
    say: Callable[[str], None],
    check: Callable[[str], Any],
) -> None:
    """Ask for every answer that is asked for and empty; save the file after each.

    In a file without any answers, blanks for all are first put at its end.

    Parameters
    ----------
    path
        The file. Only its blanks change; comments and layout stay.
    ask
        Prints a prompt and gives the line that was typed, or raises EOFError.
    say
        Prints a line.
    check
        Raises ValueError for a text that is not a number, saying what is wrong with it.

    Raises
    ------
    SheetError
        If the file is no sheet, or somebody else changes it meanwhile.
    OutputError
        If it cannot be written.
    """
    form = _BlankForm(path, say)
    total = len(form.places)
    if not total:
        say(f"{path}: nothing is left to fill in")
        return
    say(f"{total} to fill in. Enter skips one, b goes back, q stops; all that you typed is saved.")
    at = 0
    try:
        while at < total:
            place = form.places[at]
            about, name = _question(form.sheet, place)
            say("")
            say(f"{at + 1} of {total}   {about}")
            now = f" (now {form.typed[place]})" if place in form.typed else ""
            typed = ask(f"  {name}{now} = ").strip()
            if typed in ("q", "quit"):
                break
            if typed in ("b", "back"):
                at = max(at - 1, 0)
                continue
            if typed:
                try:
                    check(typed)
                except ValueError as error:
                    say(f"  {typed[:40]!r} {error}")
                    continue
                form.answer(place, typed)
            at += 1
    except (EOFError, KeyboardInterrupt):
        say("")
    left = total - len(form.typed)
    say(f"{path}: {len(form.typed)} filled in, {left} left" if left else f"{path}: all filled in")


class _BlankForm:
    """The text of a sheet and the spans of its blanks, so that nothing else of it changes.

    Each empty string of the text is replaced by a unique probe, and the result parsed as TOML: the
    place of a probe is the place of the blank, however the file is laid out. (tomlkit keeps the
    layout too, but its time grows with the square of a table's dotted keys: 44 s for 100 kB.)
    """

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self.path = path
        self.text = self.saved = read_text(path)
        self.sheet = parse_sheet(self.text, str(path))
        if not self.sheet.has_answers:
            self.add_blanks(say)
        self.content = dict(_values_by_place(self.read(self.text)))
        tokens = [
            m for m in _STRING_OR_COMMENT.finditer(self.text) if not m[0].strip(_OF_EMPTY_STRING)
        ]
        self.spans = [token.span() for token in tokens]
        probes = {f"\ue000{i}\ue000": i for i in range(len(tokens))}
        probed = _values_by_place(
            self.read(self.with_strings({i: text for text, i in probes.items()}))
        )
        self.blanks = {
            place: probes[item] for place, item in probed if item in probes and self.is_asked(place)
        }
        self.places = [place for place in self.content if place in self.blanks]
        self.typed: dict[Place, str] = {}

    def is_asked(self, place: Place) -> bool:
        return place[0] == "answers" and "struck" not in place and self.content.get(place) == ""

    def read(self, text: str) -> dict[str, Any]:
        return tomllib.loads(text.removeprefix("\ufeff"))

    def with_strings(self, new: dict[int, str]) -> str:
        """Return the text with some of its empty strings replaced, by number."""
        pieces, end = [], 0
        for i, (start, stop) in enumerate(self.spans):
            pieces += [self.text[end:start], quoted(new[i]) if i in new else self.text[start:stop]]
            end = stop
        return "".join([*pieces, self.text[end:]])

    def answer(self, place: Place, typed: str) -> None:
        """Write an answer into the file."""
        all_typed = self.typed | {place: typed}
        text = self.with_strings({self.blanks[place]: new for place, new in all_typed.items()})
        if dict(_values_by_place(self.read(text))) != self.content | all_typed:
            raise SheetError(f"{self.path}: cannot be changed in place; write the answers by hand")
        self.save(text)
        self.typed = all_typed

    def save(self, text: str) -> None:
        if read_text(self.path) != self.saved:
            raise SheetError(
                f"{self.path}: was changed by somebody else and is left as it is; run fill again"
            )
        write_files({self.path: text.encode()})
        self.saved = text

    def add_blanks(self, say: Callable[[str], None]) -> None:
        self.sheet = blanks(self.sheet)
        line = "\r\n" if "\r\n" in self.text else "\n"
        between = line if self.text.endswith("\n") else 2 * line
        text = self.text + between + answers_text(self.sheet).replace("\n", line)
        try:
            if parse_sheet(text) != self.sheet:
                raise SheetError("reads as another sheet")
        except SheetError:  # it has an answers = {} of its own, say
            say(f"{self.path}: blanks cannot be put at its end; it is written anew, comments lost")
            text = sheet_text(self.sheet)
        self.save(text)
        self.text = text


_OF_EMPTY_STRING = "\"'\\ \t\r\n"  # what an empty string may be written with
_STRING_OR_COMMENT = re.compile(
    r'"""(?:\\.|(?!""").)*"{3,5}'
    r"|'''(?:(?!''').)*'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*",
    re.DOTALL,
)


def _values_by_place(item: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield the place and value of each entry that is neither a table nor a list."""
    if isinstance(item, dict | list):
        for key, inner in item.items() if isinstance(item, dict) else enumerate(item):
            yield from _values_by_place(inner, (*place, key))
    else:
        yield place, item


def _question(sheet: Sheet, place: Place) -> tuple[str, str]:
    """Return a line about the answer that belongs at a place, and its name."""
    _, *inner = place
    k = int(str(inner.pop(0)).removeprefix("step")) if str(inner[0]).startswith("step") else 1
    answers = sheet.answers_by_step[k - 1]
    step = f"step {k}: " if sheet.later_answers else ""

    def named(name: str, *index: str | int) -> str:
        return scalar_name(name, [int(i) for i in index], sheet.shapes)

    match inner:
        case ["forward", str(name), *index]:
            name = named(name, *index)
            return f"{step}{name} = {sheet.sources[name]}", name
        case ["partials", str(partial), *rest]:
            partial = named(partial, *(rest[1:] if rest[0] == "value" else ()))
            paths = answers.partials[partial].paths
            chain = " + ".join(" · ".join(with_gaps(path, partial)) for path in paths)
            about = f"{step}{partial} = {chain}" if chain else step + partial
            match rest:
                case ["factors", factor]:
                    return about, f"factor {named(str(factor))}"
                case ["paths", int(i), factor]:
                    return about, f"path {i + 1}, factor {named(str(factor))}"
            return about, partial
        case ["updated", str(name), *index]:
            name = named(name, *index)
            rate = bracketed(sheet.rate or 0.0)
            new = f"new {name} = {name} - {rate} × d{sheet.loss}/d{name}"
            if sheet.momentum and k > 1:
                new += f" + {bracketed(sheet.momentum)} × ({name} - {name} before)"
            return step + new, f"new {name}"
    _, table_name, *index = inner
    name = named(str(table_name), *index)
    return f"the closing table: {name} at the end", name
