"""The dependencies between a sheet's names, and the exact derivative of each name by each other.

A derivative dP/dQ is *local* where Q stands in P's own formula, *total* where Q is further down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from tinygrad_hw.explain import local_derivatives, sum_without_dust
from tinygrad_hw.symbolic import (
    Apply,
    Formula,
    compute,
    differentiate,
    multiply,
    read_formula,
    substitute,
    with_operands,
)
from tinygrad_hw.worksheet.sheet.parts import split_partial
from tinygrad_hw.worksheet.solution.solve import Solution

LEFT_OUT = "…"
PRIME = "′"  # marks a factor of a second path, as in dz/da′; two primes, of a third
WHOLE = "‡"  # marks the sum over all paths from P to Q where Q stands in P's formula, too


def split_derivative(name: str) -> tuple[str, str]:
    """Split the name dP/dQ into P and Q, with ``PRIME`` or ``WHOLE`` left out."""
    return split_partial(name.strip(PRIME + WHOLE))


def without_marks(text: str) -> str:
    """Return a text with the names of derivatives as they stand in a sheet."""
    return text.replace(PRIME, "").replace(WHOLE, "")


def with_gaps(path: Iterable[str], partial: str) -> list[str]:
    """Return the factors of a partial's path, with ``LEFT_OUT`` where others belong between."""
    reached, bottom = split_derivative(partial)
    factors = []
    for factor in path:
        top, end = split_derivative(factor)
        factors += [factor] if top == reached else [LEFT_OUT, factor]
        reached = end
    return factors if reached == bottom else [*factors, LEFT_OUT]


class Dependencies:
    """The names of a solved sheet: their formulas, their uses and exact derivatives.

    Attributes
    ----------
    formulas
        The formula of every forward name.
    uses
        The names that stand in each of these formulas.
    exact
        The exact value of every name.
    """

    def __init__(self, solution: Solution) -> None:
        self.solution = solution
        self.loss = solution.sheet.loss
        forward = solution.sheet.forward
        self.formulas = {name: read_formula(e.source) for name, e in forward.items()}
        self.uses = {name: e.names for name, e in forward.items()}
        self.exact = {name: float(value.data) for name, value in solution.values.items()}
        self._derivatives: dict[str, float] = {}
        self._whole: dict[str, str] = {}

    def is_local(self, name: str) -> bool:
        """Whether dP/dQ is the local derivative: Q stands in P's own formula."""
        top, bottom = split_derivative(name)
        return WHOLE not in name and bottom in self.uses.get(top, ())

    def whole(self, name: str) -> str:
        """Return the name of the whole dP/dQ: marked where the name alone is the local one's.

        That is where Q stands in P's formula and other paths lead from P to Q, too.
        """
        name = name.strip(PRIME)
        if name not in self._whole:
            is_both = self.is_local(name) and len(self.users(*split_derivative(name))) > 1
            self._whole[name] = f"{name}{WHOLE}" if is_both else name
        return self._whole[name]

    def is_total_in_chain(self, name: str, partial: str) -> bool:
        """Whether the chain of a partial, as ``solve`` writes it, has the whole dP/dQ in it."""
        paths = self.solution.chain(partial).paths
        return any(factor.total and str(factor) == name for path in paths for factor in path)

    def depends(self, top: str, bottom: str) -> bool:
        """Whether P depends on Q, directly or through other names."""
        return bottom in self._sources.get(top, ())

    @cached_property
    def _sources(self) -> dict[str, frozenset[str]]:
        sources: dict[str, frozenset[str]] = {}
        for name, used in self.uses.items():
            sources[name] = frozenset(used).union(*(sources.get(u, ()) for u in used))
        return sources

    def users(self, top: str, bottom: str) -> list[str]:
        """Return the names between P and Q, P included, whose own formula uses Q."""
        return [
            name
            for name, used in self.uses.items()
            if bottom in used and (name == top or self.depends(top, name))
        ]

    def with_names(self, formula: Formula) -> Formula:
        """Return a formula with names in place of its parts that are forward formulas.

        A student may have used these names. A forward formula as a whole keeps its outermost
        operation, since the name for it is the one that it defines.
        """
        if isinstance(formula, Apply) and formula in self.formulas.values():
            return with_operands(
                formula,
                tuple(substitute(part, self._names_of_formulas) for part in formula.operands),
            )
        return substitute(formula, self._names_of_formulas)

    @cached_property
    def _names_of_formulas(self) -> dict[Formula, Formula]:
        named: dict[Formula, Formula] = {}
        for name, formula in self.formulas.items():
            if isinstance(formula, Apply):
                named.setdefault(formula, name)
                named.setdefault(multiply(-1.0, formula), multiply(-1.0, name))
        return named

    def derivative(self, name: str) -> float:
        """Return the exact dP/dQ."""
        name = name.strip(PRIME)
        if name not in self._derivatives:
            top, bottom = split_derivative(name)
            if top == bottom:
                exact = 1.0
            elif self.is_local(name):
                exact = self._local(top, bottom)
            else:
                exact = sum_without_dust(
                    [
                        self.derivative(self.whole(f"d{top}/d{user}"))
                        * self.derivative(f"d{user}/d{bottom}")
                        for user in self.users(top, bottom)
                    ]
                )
            self._derivatives[name] = exact
        return self._derivatives[name]

    def _local(self, top: str, bottom: str) -> float:
        """Return the engine's local derivative; by a constant, which has none, the formula's."""
        for operand, slope in local_derivatives(self.solution.values[top]):
            if operand.label == bottom:
                return slope
        return compute(differentiate(self.formulas[top], bottom), self.exact)

    def value(self, name: str) -> float:
        """Return the exact value of a name, or of a derivative."""
        return self.derivative(name) if "/" in name else self.exact[name]

    def complete_path(self, path: Mapping[str, str], partial: str) -> list[str] | None:
        """Return the factors of a path of a partial's chain, with missing factors put in.

        None where the factors are on no such path.
        """
        names: list[str] = []
        reached, bottom = split_derivative(partial)
        for name in path:
            top, end = split_derivative(name)
            if top != reached:
                if not self.depends(reached, top):
                    return None
                names.append(f"d{reached}/d{top}")
            names.append(name)
            reached = end
        if reached != bottom:
            if not self.depends(reached, bottom):
                return None
            names.append(f"d{reached}/d{bottom}")
        return names
