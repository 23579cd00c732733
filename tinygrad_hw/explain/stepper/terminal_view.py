"""A step as lines of text: its sentence, and a table of the values and gradients known so far.

A name has the same place in all steps, so that only the changes move.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.explain.chains.from_graph import is_named
from tinygrad_hw.explain.graph.folding import is_parameter
from tinygrad_hw.explain.graph.labels import size_text, value_text
from tinygrad_hw.explain.stepper.frames import BACKWARD, FORWARD, Frame, Steps
from tinygrad_hw.formatting import natural_sort_key

LIT, NEW, NONE = ">", "*", "-"
LEGEND = f"{LIT} in this step   {NEW} new   {NONE} gets no gradient"
LOW = 9  # rows; columns get no lower than this in order to be more
GAP = "  "
SIGNS = 6  # characters of a column besides its name, value and gradient: "> x 0.5* -0.1*"
SHARE = 4  # the sentence has at most one in four of a screen's lines


class Board:
    """The view of each step of a computation.

    Attributes
    ----------
    names
        The names with a row in the table: inputs, parameters, and results, in that order. Numbers
        that stand in a formula have no row.
    """

    def __init__(self, steps: Steps, plain: Callable[[str], str] = str) -> None:
        self.steps = steps
        self.plain = plain
        given = [node for node in steps.leaves if is_parameter(node) or is_named(node)]
        given.sort(key=lambda node: (is_parameter(node), natural_sort_key(steps.name(node))))
        computed = [frame.node for frame in steps if frame.phase == FORWARD]
        self.given = {steps.name(node) for node in given}
        self.names = [steps.name(node) for node in (*given, *computed)]
        self.places = {name: i for i, name in enumerate(self.names)}
        self.reached = {steps.name(frame.node) for frame in steps if frame.phase == BACKWARD}
        self.sizes = self._sizes([*given, *computed])
        self.longest = max((cell_len(plain(frame.sentence)) for frame in steps), default=0)

    def block(self, frame: Frame, width: int) -> list[Text]:
        """Write a step in as many lines as it takes, the sentence in one."""
        columns = self._columns(self.names, width, max(LOW, len(self.names)))
        sentence = Text(self.plain(frame.sentence))
        return [self._heading(frame), sentence, Text(), *self._table(frame, columns)]

    def screen(self, frame: Frame, width: int, height: int, below: Sequence[str]) -> list[Text]:
        """Write a step in no more lines than a screen has, with some lines below.

        If there is no room for all names, those that occurred in no step for longest are left out.
        """
        above = [self._heading(frame), *self._sentence(frame, width, height), Text()]
        columns = self._fitting(frame, width, height - len(above) - len(below) - 2)
        if left := len(self.names) - sum(map(len, columns)):
            below = [f"a larger window shows {left} more", *below]
        upper = [*above, *self._table(frame, columns), Text()]
        lower = [Text(self.plain(line), style="dim") for line in below]
        lines = [*upper[: max(1, height - len(lower))], *lower][:height]
        for line in lines:
            line.truncate(width)
        return lines

    def _heading(self, frame: Frame) -> Text:
        return Text(f"step {frame.index + 1} of {len(self.steps)}, {frame.phase}", style="bold")

    def _sentence(self, frame: Frame, width: int, height: int) -> list[Text]:
        """Write as many lines for any sentence as the longest takes: the table stays in place."""
        text = self.plain(frame.sentence)
        if self.longest <= width:
            return [Text(text)]
        most = max(1, min(height // SHARE, -(-self.longest // (width - width // SHARE))))
        lines = textwrap.wrap(text, width, break_on_hyphens=False)
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
        return [Text(line) for line in [*lines, *[""] * (most - len(lines))]]

    # --- The places of names ----------------------------------------------------------------------

    def _fitting(self, frame: Frame, width: int, rows: int) -> list[list[str]]:
        """Find columns for as many names as there is room for, those of the last steps first."""
        if columns := self._columns(self.names, width, rows):
            return columns
        past = [self.steps.name(other.node) for other in self.steps[: frame.index + 1]]
        rows -= 1  # for the line that says that names are missing
        chosen: list[str] = []
        for name in dict.fromkeys([*frame.highlighted, *reversed(past), *self.names]):
            names = sorted([*chosen, name], key=self.places.__getitem__)
            if self._arranged(names, width, rows):
                chosen = names
        return self._columns(chosen, width, rows)

    def _columns(self, names: Sequence[str], width: int, rows: int) -> list[list[str]]:
        """Arrange names in few columns that fit, the given ones apart; none if they do not."""
        given = sum(name in self.given for name in names)
        most = (width + len(GAP)) // (len(GAP) + SIGNS + sum(self._widths([])))
        tried: set[tuple[int, int]] = set()  # how many columns there were of each kind
        for high in range(min(LOW, rows), rows + 1):
            counts = -(-given // high), -(-(len(names) - given) // high)
            if high < len(names) and (sum(counts) > most or counts in tried):
                continue
            tried.add(counts)
            if columns := self._arranged(names, width, high):
                return columns
        return []

    def _arranged(self, names: Sequence[str], width: int, rows: int) -> list[list[str]]:
        given = [name for name in names if name in self.given]
        columns = [*_split(given, rows), *_split(names[len(given) :], rows)]
        gaps = len(GAP) * (len(columns) - 1)
        if sum(sum(self._widths(column)) + SIGNS for column in columns) + gaps <= width:
            return columns
        return [list(names)] if len(names) <= rows else []

    def _sizes(self, nodes: Sequence[Node]) -> dict[str, tuple[int, ...]]:
        """Measure name, value and gradient, each as wide as it ever gets."""
        sizes: dict[str, tuple[int, ...]] = {}
        for node in nodes:
            name = self.steps.name(node)
            sizes[name] = (cell_len(self.plain(name)), len(value_text(node.raw)), len(NONE))
        for frame in self.steps:
            if frame.phase == BACKWARD:
                *others, gradient = sizes[self.steps.name(frame.node)]
                new = len(size_text(self.steps.numbers[frame.gradient_key]))
                sizes[self.steps.name(frame.node)] = (*others, max(gradient, new))
        return sizes

    def _widths(self, names: Sequence[str]) -> tuple[int, ...]:
        of_heading = (0, len("value"), len("gradient"))
        return tuple(map(max, zip(of_heading, *(self.sizes[name] for name in names), strict=True)))

    # --- The table --------------------------------------------------------------------------------

    def _table(self, frame: Frame, columns: Sequence[Sequence[str]]) -> list[Text]:
        known = frame.known
        high = max(map(len, columns), default=0)
        written = [self._column(frame, known, names, high) for names in columns]
        lines = [Text(GAP).join(cells) for cells in zip(*written, strict=True)]
        for line in lines:
            line.rstrip()
        return lines

    def _column(
        self, frame: Frame, known: dict[str, tuple[Any, Any]], names: Sequence[str], high: int
    ) -> list[Text]:
        """Write a heading and rows, all of the same width, and blank ones down to a height."""
        widths = self._widths(names)
        space = " " * (widths[0] + 3)
        heading = Text(f"{space}{'value':>{widths[1]}}  {'gradient':>{widths[2]}} ", style="dim")
        rows = [self._row(frame, name, known.get(name), widths) for name in names]
        return [heading, *rows, *[Text(" " * heading.cell_len)] * (high - len(rows))]

    def _row(
        self, frame: Frame, name: str, known: tuple[Any, Any] | None, widths: Sequence[int]
    ) -> Text:
        """Write ``> w7     1  -0.0003182*``: > for a name in the step, * for a new number."""
        new = frame.phase if name == self.steps.name(frame.node) else ""
        plain, (value, gradient) = self.plain(name), known or (None, None)
        shown = "" if value is None else value_text(value)
        sign, style = (LIT, "bold") if name in frame.highlighted else (" ", "")
        row = Text(f"{sign} {plain}{' ' * (widths[0] - cell_len(plain))} ", style=style)
        row.append_text(_cell(shown, widths[1], new == FORWARD))
        row.append(" ")
        row.append_text(_cell(self._gradient(name, gradient), widths[2], new == BACKWARD))
        return row

    def _gradient(self, name: str, gradient: Any) -> str:
        if name not in self.reached:
            return NONE
        return "" if gradient is None else size_text(gradient)


def _cell(text: str, width: int, is_new: bool) -> Text:
    """Write a number, right-aligned, with a sign after it if it is new."""
    return Text(f"{text:>{width}}{NEW if is_new else ' '}", style="green" if is_new else "")


def _split(names: Sequence[str], rows: int) -> list[list[str]]:
    """Split into columns of about the same length, none of more rows than that."""
    count = -(-len(names) // rows)
    high = -(-len(names) // count) if count else 1
    return [list(names[i : i + high]) for i in range(0, len(names), high)]
