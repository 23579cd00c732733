"""One partial derivative as a person writes it: paths of factors between named nodes.

dE/dw7 = dE/da4 · da4/dz4 · dz4/dw7
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from tinygrad_hw.engine import ops
from tinygrad_hw.explain.notation.display import Displayed
from tinygrad_hw.explain.notation.notation import Notation, Row
from tinygrad_hw.explain.notation.text import TEXT
from tinygrad_hw.formatting import FIGURES, number
from tinygrad_hw.symbolic import Formula, node_count

EXACT = f"Exact factors are multiplied; {FIGURES} figures of each are shown."
PRINTED = f"The factors are multiplied as they are printed, in {FIGURES} figures."
DIRECT = "∂⁺ is the derivative along the direct path alone, without the others."
LONGEST = 60  # names, numbers and operations in one line of formulas


@dataclass(frozen=True, slots=True)
class Factor:
    """A derivative in a chain: d numerator / d denominator.

    Attributes
    ----------
    value
        The exact value, with all digits.
    total
        False for a local derivative: the denominator stands in the numerator's own formula. True
        for a sum over paths, which a chain of its own explains.
    tree
        The formula of a local derivative, as a student would write it; None for a total, and where
        it would be too long to be read.
    direct
        Whether it is a local derivative beside which other paths lead from the numerator to the
        denominator. It is written ∂⁺a/∂b, since ∂a/∂b is the sum over all of them.
    """

    numerator: str
    denominator: str
    value: float
    total: bool = False
    tree: Formula | None = field(default=None, compare=False)
    direct: bool = field(default=False, compare=False)

    @property
    def printed(self) -> str:
        """The value as it is printed, in four significant figures."""
        return number(self.value)

    @property
    def formula(self) -> str:
        """The formula as text; empty where there is none."""
        return "" if self.tree is None else TEXT.formula(self.tree)

    def __str__(self) -> str:
        return f"d{self.numerator}/d{self.denominator}"


WriteNumber = Callable[[Factor, bool], str]  # of a factor, and whether it stands in a product


@dataclass(frozen=True, slots=True)
class Chain(Displayed):
    """A partial derivative: the sum over ``paths`` of the product of their factors.

    A chain prints as text, and in a notebook shows itself typeset.

    Attributes
    ----------
    value
        The gradient as the engine computed it, with all digits.
    totals
        The chains of the factors that are totals, each after those that it refers to itself.
    printed
        The result of computing with the factors as they are printed; None where the exact factors
        are multiplied.
    simplified
        The formula of the whole where factors cancel: (p1 - y1) · x1 for a softmax with
        cross-entropy. Else None.
    ones
        Sets of given numbers; each adds up to 1, without which ``simplified`` would not hold.
    """

    root: str
    target: str
    paths: tuple[tuple[Factor, ...], ...]
    value: float
    totals: tuple[Chain, ...] = ()
    printed: float | None = None
    simplified: Formula | None = field(default=None, compare=False)
    ones: tuple[tuple[str, ...], ...] = ()

    @property
    def result(self) -> float:
        """The exact value, or the sum of the products of the printed factors."""
        return self.value if self.printed is None else self.printed

    @property
    def name(self) -> str:
        """The name of the partial: dE/dw7."""
        return f"d{self.root}/d{self.target}"

    @property
    def has_direct_paths(self) -> bool:
        """Whether ∂⁺ occurs in it."""
        return any(factor.direct for path in self.paths for factor in path)

    @property
    def remarks(self) -> list[str]:
        """What ∂⁺ means where it occurs; and which factors were multiplied, exact or printed."""
        remarks = [DIRECT] if any(x.has_direct_paths for x in (*self.totals, self)) else []
        if any(len(path) > 1 for path in self.paths):
            remarks.append(EXACT if self.printed is None else PRINTED)
        return remarks

    def rows(self, notation: Notation, write_number: WriteNumber | None = None) -> Iterator[Row]:
        """Yield the lines of the chain and, before them, those of its totals.

        Each is written as names, formulas, numbers and the result.

        Parameters
        ----------
        notation
            How formulas are written.
        write_number
            How the numbers are written; as they are printed by default.
        """
        write_number = write_number or partial(_printed_number, notation)
        for chain in (*self.totals, self):
            yield from _Writer(chain, notation, write_number).rows()


class _Writer:
    """A writer of one chain, without those of its totals."""

    def __init__(self, chain: Chain, notation: Notation, write_number: WriteNumber) -> None:
        self.chain, self.notation, self.write_number = chain, notation, write_number
        self.left = notation.partial(chain.root, chain.target)

    def rows(self) -> Iterator[Row]:
        """Yield the lines of names, of formulas, of numbers, and the result."""
        chain, paths = self.chain, self.chain.paths
        if not paths:
            yield Row(self.left, "=", independent(self.notation, chain.root, chain.target))
            return
        if not paths[0]:  # of the root by itself
            yield Row(self.left, "=", self.notation.number("1"))
            return
        is_single = len(paths) == 1 and len(paths[0]) == 1
        result = Factor(chain.root, chain.target, chain.result, total=True)
        if is_single and paths[0][0].formula == result.printed:  # 1 = 1 says nothing
            yield Row(self.left, "=", self.write_number(result, False))
            return
        has_long_formulas = any(map(_is_long, paths))
        if not is_single or paths[0][0].tree is None:
            yield from self._paths(self.left, "·", self._name)
        if has_long_formulas:
            yield from self._formulas_one_by_one()
        elif any(factor.tree is not None for path in paths for factor in path):
            write = self._formula if is_single else self._formula_in_product
            yield from self._paths(self.left if is_single else "", "·", write)
        if chain.simplified is not None:
            left = self.left if has_long_formulas else ""
            yield Row(left, "=", self.notation.formula(chain.simplified))
        for names in chain.ones:
            yield Row("", "", self.notation.words(f"since {' + '.join(names)} = 1"))
        if not is_single:
            left = self.left if has_long_formulas and chain.simplified is None else ""
            yield from self._paths(left, "×", lambda factor: self.write_number(factor, True))
        yield Row("", "=", self.write_number(result, False))

    def _paths(self, left: str, sign: str, write: Callable[[Factor], str]) -> Iterator[Row]:
        """Yield a line for each path, its factors written in one way."""
        for i, path in enumerate(self.chain.paths):
            text = self.notation.infix(sign, [write(factor) for factor in path])
            yield Row("" if i else left, "+" if i else "=", text)

    def _formulas_one_by_one(self) -> Iterator[Row]:
        """Yield a line for the formula of each factor, where they are too long for one line.

        A factor that is a whole path has none: its name is that of the sum over all paths.
        """
        paths = [path for path in self.chain.paths if len(path) > 1]
        for factor in dict.fromkeys(factor for path in paths for factor in path):
            if factor.tree is not None:
                yield Row(self._name(factor), "=", self.notation.formula(factor.tree))

    def _name(self, factor: Factor) -> str:
        return self.notation.partial(factor.numerator, factor.denominator, factor.direct)

    def _formula(self, factor: Factor) -> str:
        return self._name(factor) if factor.tree is None else self.notation.formula(factor.tree)

    def _formula_in_product(self, factor: Factor) -> str:
        if factor.tree is None:
            return self._name(factor)
        return self.notation.operand(factor.tree, ops.mul)


def _is_long(path: tuple[Factor, ...]) -> bool:
    """Return whether the formulas of a path are too long for one line."""
    return len(path) > 1 and sum(node_count(x.tree) for x in path if x.tree is not None) > LONGEST


def _printed_number(notation: Notation, factor: Factor, in_product: bool) -> str:
    """Write a number as it is printed, in brackets where it is a negative factor."""
    text = notation.number(factor.printed)
    return notation.bracketed(text) if in_product and factor.printed.startswith("-") else text


def independent(notation: Notation, root: str, target: str) -> str:
    """Write the derivative of a root that does not depend on the target."""
    reason = notation.words(f"({root} does not depend on {target})")
    return notation.row_of([notation.number("0"), reason])
