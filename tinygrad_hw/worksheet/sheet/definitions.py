"""Read what a sheet defines by its partials: a book's own names, such as delta = -dE/dz."""

from __future__ import annotations

import itertools
import re
from collections.abc import Container

from tinygrad_hw.symbolic import ExpressionError, read_expression, read_formula, substitute
from tinygrad_hw.symbolic.arrays import Shape, element_names, expand_formula
from tinygrad_hw.symbolic.formula import Formula
from tinygrad_hw.worksheet.sheet.arrays import scalar_names
from tinygrad_hw.worksheet.sheet.content import Content
from tinygrad_hw.worksheet.sheet.messages import abbreviate, printable
from tinygrad_hw.worksheet.sheet.model import Definition

LONGEST = 400  # names and operations: what can be marked
MOST = 500  # definitions: as many names as can be marked
_NAME = r"\w{1,100}(?:\[[\d, ]{1,12}\])?"
_PARTIAL = re.compile(rf"(?<!\w)[d∂]({_NAME})\s*/\s*[d∂]({_NAME})(?!\w)")


def read_definitions(
    content: Content, given: dict[str, float], forward: Container[str]
) -> dict[str, Definition]:
    """Read ``[define]``: formulas of all names, of partials, and of the definitions before.

    The constants pi and e that they use become given numbers.
    """
    definitions: dict[str, Definition] = {}
    formulas: dict[Formula, Formula] = {}
    sizes: dict[str, int] = {}  # of the formulas, with those of the definitions that they use
    sources = content.content.get("define", {})
    if len(sources) > MOST:
        raise content.error(f"has {len(sources):,} definitions; the most are {MOST}", "define", "")
    for name, source in sources.items():
        content.check_name("define", name)
        if not isinstance(source, str):
            raise content.error(f"{name} should be a formula in quotes", "define", name)
        partials = _Partials(content, forward)
        try:
            shape, expanded = expand_formula(partials.hidden(source), partials.shapes)
            elements = element_names(name, shape)
            for taken in (name, *elements):
                if taken in content.names or taken in content.shapes:
                    reason = f"{taken} is defined already; one name, one thing"
                    raise content.error(reason, "define", name)
            for element, text in zip(elements, expanded, strict=True):
                expression = read_expression(text)
                used = expression.names
                content.define_constants(used, given, content.content["define"])
                if unknown := [x for x in used if x not in partials.names | content.names]:
                    reason = f"{name} uses {abbreviate(unknown[0])}, which is nowhere defined"
                    raise content.error(reason, "define", name)
                parts = (sizes.get(x, 1) for x in expression.instructions if isinstance(x, str))
                sizes[element] = len(expression.instructions) + sum(parts)
                if sizes[element] > LONGEST:
                    reason = f"{name} is longer than {LONGEST} names and operations, with what it"
                    raise content.error(f"{reason} is defined by", "define", name)
                formula = substitute(read_formula(text), partials.names_shown | formulas)
                definitions[element] = Definition(partials.shown(text), formula)
                formulas[element] = formula
        except ExpressionError as error:
            raise content.error(
                f"{name} {printable(partials.shown(str(error)))}", "define", name
            ) from None
        content.names |= {*elements}
        if shape:
            content.shapes[name] = shape
    return definitions


class _Partials:
    """The partials in a definition, each hidden behind a name while the formula is read."""

    def __init__(self, content: Content, forward: Container[str]) -> None:
        self.content, self.forward = content, forward
        self.shapes: dict[str, Shape] = dict(content.shapes)
        self.names: set[str] = set()  # of the elements
        self.names_shown: dict[Formula, Formula] = {}  # the partials by these names
        self.written: dict[str, str] = {}  # as they stand in the formula, an array's as a whole

    def hidden(self, source: str) -> str:
        """Return a formula with a name in place of each partial of the sheet."""
        return _PARTIAL.sub(self._name, source)

    def shown(self, source: str) -> str:
        """Return a formula with the partials in place of their names."""
        names = self.written | {str(name): str(x) for name, x in self.names_shown.items()}
        return re.sub(r"\w+", lambda found: names.get(found[0], found[0]), source)

    def _name(self, found: re.Match[str]) -> str:
        top, bottom = found.groups()
        tops, bottoms = (scalar_names(x, self.content.shapes) for x in (top, bottom))
        known = all(x in self.forward for x in tops)
        known = known and all(x in self.content.names for x in bottoms)
        shape = sum((self.content.shapes.get(x, ()) for x in (top, bottom)), ())
        if not known or len(shape) > 2 or not {*tops}.isdisjoint(bottoms):
            return found[0]
        k = len(self.shapes) + len(self.names)
        name = next(n for i in range(k, k + 10_000) if (n := f"ð{i}") not in self.content.names)
        self.written[name] = found[0]
        if shape:
            self.shapes[name] = shape
        pairs = itertools.product(tops, bottoms)
        for element, (one, other) in zip(element_names(name, shape), pairs, strict=True):
            self.names.add(element)
            self.names_shown[element] = f"d{one}/d{other}"
        return name
