"""Simplify the formula of a whole chain: with a softmax and cross-entropy it is (p1 - y1) · x1."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.data import StandIn
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.explain.chains.chain import Chain, Factor
from tinygrad_hw.explain.chains.from_graph import Formulas, is_named
from tinygrad_hw.formatting import natural_sort_key
from tinygrad_hw.symbolic import (
    Formula,
    Partial,
    add,
    cancel,
    is_call_of,
    multiply,
    names_in,
    node_count,
    walk,
)

MANY = 4  # names that cancel, as those of a · (1 - a) with its reciprocal
LONGEST = 250  # names, numbers and operations in all factors of a chain

Ones = tuple[tuple[str, ...], ...]


class ChainSimplifier:
    """What simplifies the chains in one graph."""

    def __init__(self, order: Iterable[Node], formulas: Formulas) -> None:
        self.formulas = formulas
        self.named = {str(node.label): node for node in order if is_named(node)}
        for node in self.named.values():
            formulas.of(node)  # from here on, every named quotient is known

    def simplified(
        self, paths: Sequence[tuple[Factor, ...]], totals: Mapping[str, Chain]
    ) -> tuple[Formula | None, Ones]:
        """Return the formula of a whole chain if much of it cancels.

        Parameters
        ----------
        paths
            Of the chain.
        totals
            The chains of its factors that are totals, by target.

        Returns
        -------
        Formula or None
            A formula with at most half of the names, or four fewer, or one in those of the totals;
            else None.
        tuple
            Sets of given numbers; each adds up to 1, without which the formula would not hold.
        """
        factors = [factor for path in paths for factor in path]
        trees = [self._tree(factor, totals) for factor in factors]
        if any(tree is None for tree in trees):
            return None, ()
        products = iter([tree for tree in trees if tree is not None])
        written = add(*(multiply(*(next(products) for _ in path)) for path in paths))
        of_totals = [totals[factor.denominator] for factor in factors if factor.total]
        simplified_totals = [total for total in of_totals if _has_formula(total)]
        has_quotient = any(is_call_of(part, ops.div) for part in walk(written))
        if node_count(written) > LONGEST or not (simplified_totals or has_quotient):
            return None, ()
        quotients, ones = self._known(factors)
        simplified = cancel(written, quotients)
        presupposed = {names for total in simplified_totals for names in total.ones}
        if ones and node_count(shorter := cancel(written, quotients, ones)) < node_count(
            simplified
        ):
            simplified = shorter
            presupposed |= {tuple(sorted(names, key=natural_sort_key)) for names in ones}
        before, after = _count(written), _count(simplified)
        is_shorter = 2 * after <= before > 0 or before - after >= MANY
        if after <= before if simplified_totals else is_shorter:
            return simplified, tuple(sorted(presupposed))
        return None, ()

    def _known(self, factors: Iterable[Factor]) -> tuple[dict[str, Formula], list[frozenset[str]]]:
        """Return the named quotients that occur, and the sets of given numbers that add up to 1.

        Such are the targets of a cross-entropy: one for each quotient that is the result of a
        softmax, in the derivative by it.
        """
        quotients: dict[str, Formula] = {}
        ones = []
        for factor in factors:
            if factor.total or factor.numerator in quotients:
                continue
            like = self.formulas.quotients_like(self.formulas.of(self.named[factor.numerator]))
            quotients |= like
            by = [x.tree for x in factors if x.denominator in like and x.tree is not None]
            names = {name for tree in by for name in names_in(tree)}
            given = {name: self._given(name) for name in names}
            numbers = [number for number in given.values() if number is not None]
            if numbers and math.isclose(math.fsum(numbers), 1.0, rel_tol=1e-12):
                ones.append(frozenset(name for name in names if given[name] is not None))
        return quotients, ones

    def _given(self, name: str) -> float | None:
        """Return a given number by its name; None in a program that is being captured."""
        node = self.named.get(name)
        if node is None or not node.constant or node.operation is not None:
            return None
        return None if isinstance(node.raw, StandIn) else float(node.raw)

    def _tree(self, factor: Factor, totals: Mapping[str, Chain]) -> Formula | None:
        """Return the formula of a factor; of a total, its name or what its own paths cancel to."""
        if not factor.total:
            return factor.tree
        total = totals[factor.denominator]
        name = Partial(factor.numerator, factor.denominator)
        return total.simplified if _has_formula(total) else name


def _has_formula(total: Chain) -> bool:
    """Return whether a total is written as a formula; as a name if totals are in its own.

    Else the formulas would grow with the depth.
    """
    has_totals = any(factor.total for path in total.paths for factor in path)
    return total.simplified is not None and not has_totals


def _count(formula: Formula) -> int:
    """Count the names in a formula."""
    return sum(names_in(formula).values())
