"""Slips of the working: each function yields formulas that may have been computed instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.explain import formula_text
from tinygrad_hw.symbolic import (
    Apply,
    Formula,
    add,
    is_call_of,
    multiply,
    names_in,
    operands_of,
    power,
    substitute,
    walk,
    with_operands,
)
from tinygrad_hw.worksheet.rounding.admissible import Admissible
from tinygrad_hw.worksheet.sheet.parts import FACTOR, FORWARD, UPDATED
from tinygrad_hw.worksheet.slips.case import Case
from tinygrad_hw.worksheet.slips.digit_slips import change_zeros, move_point, transpose_digits
from tinygrad_hw.worksheet.slips.slip import Alternative
from tinygrad_hw.worksheet.slips.student_work import MOMENTUM, RATE
from tinygrad_hw.worksheet.solution.dependencies import PRIME, split_derivative

Edit = Callable[[Formula], Iterator[tuple[Formula, str]]]  # one part -> edits of it, in words too


def _factors(formula: Formula) -> tuple[Formula, ...]:
    return operands_of(formula) if is_call_of(formula, ops.mul) else (formula,)


def _edit_each_part(formula: Formula, edit: Edit) -> Iterator[tuple[Formula, str]]:
    """Yield a formula with each of its parts edited, one at a time, and the edit in words."""
    yield from edit(formula)
    for i, operand in enumerate(operands_of(formula)):
        assert isinstance(formula, Apply)
        for inner, detail in _edit_each_part(operand, edit):
            changed = (*formula.operands[:i], inner, *formula.operands[i + 1 :])
            yield with_operands(formula, changed), detail


def _with_each_part_edited(case: Case, edit: Edit) -> Iterator[Alternative]:
    for formula, detail in _edit_each_part(case.formula, edit):
        yield Alternative(formula, detail)


def drop_factor(case: Case) -> Iterator[Alternative]:
    """Leave out a factor of a product, or one that stands in several paths."""
    if case.part == FACTOR and not case.is_sum_over_paths:
        return  # of a local derivative that is another slip: 1 - a for a (1 - a)

    def edit(formula: Formula) -> Iterator[tuple[Formula, str]]:
        factors = _factors(formula)
        for i, factor in enumerate(factors):
            if len(factors) > 1 and not isinstance(factor, float):
                rest = multiply(*factors[:i], *factors[i + 1 :])
                yield rest, f"without the factor {formula_text(factor)}"

    yield from _with_each_part_edited(case, edit)
    for names in repeated_factors(case.formula):
        without = substitute(case.formula, dict.fromkeys(names, 1.0))
        yield Alternative(without, f"without the factor {names[0]} in any path")
    if case.is_sum_over_paths:
        yield from _drop_local_factors(case)


def _drop_local_factors(case: Case) -> Iterator[Alternative]:
    """Leave out a local derivative that is not written, or those of several activations."""
    formula, inputs = case.sum_over_paths()
    terms = operands_of(formula) if is_call_of(formula, ops.add) else (formula,)
    paths = [{name.strip(PRIME) for name in names_in(term)} for term in terms]
    if formula != case.formula:
        for name in names_in(formula):
            where = " in any path" if len(paths) > 1 else ""
            without = substitute(formula, {name: 1.0})
            yield Alternative(without, f"without the factor {name}{where}", inputs)
    slopes = [name for name in names_in(formula) if _is_slope(case, name)]
    of_some = [name for name in slopes if not all(name.strip(PRIME) in path for path in paths)]
    for dropped in dict.fromkeys(map(tuple, (slopes, of_some))):
        if len({name.strip(PRIME) for name in dropped}) > 1:
            without = substitute(formula, dict.fromkeys(dropped, 1.0))
            all_names = ", ".join(dict.fromkeys(name.strip(PRIME) for name in dropped))
            yield Alternative(without, f"without the factors {all_names}", inputs)


def _is_slope(case: Case, name: str) -> bool:
    """Whether a factor is the derivative of an activation."""
    if "/" not in name:
        return False
    top, _ = split_derivative(name)
    dependencies = case.work.dependencies
    formula = dependencies.formulas.get(top)
    return dependencies.is_local(name) and len(operands_of(formula or 1.0)) == 1


def repeat_factor(case: Case) -> Iterator[Alternative]:
    """Multiply by a factor twice, in one product or in every path."""
    if case.part == FACTOR and not case.is_sum_over_paths:
        return

    def edit(formula: Formula) -> Iterator[tuple[Formula, str]]:
        factors = _factors(formula)
        for factor in factors:
            if len(factors) > 1 and not isinstance(factor, float):
                yield multiply(factor, *factors), f"with the factor {formula_text(factor)} twice"

    yield from _with_each_part_edited(case, edit)
    for names in repeated_factors(case.formula):
        squared = substitute(case.formula, {name: multiply(name, name) for name in names})
        yield Alternative(squared, f"with the factor {names[0]} twice in every path")


def repeated_factors(formula: Formula) -> list[list[str]]:
    """Return the factors that stand in several paths of a sum, each by its names there."""
    occurrences: dict[str, list[str]] = {}
    for name in names_in(formula):
        occurrences.setdefault(name.strip(PRIME), []).append(name)
    return [names for names in occurrences.values() if len(names) > 1]


def drop_term(case: Case) -> Iterator[Alternative]:
    """Leave out a term of a sum."""

    def edit(formula: Formula) -> Iterator[tuple[Formula, str]]:
        terms = operands_of(formula) if is_call_of(formula, ops.add) else ()
        for i, term in enumerate(terms):
            yield add(*terms[:i], *terms[i + 1 :]), f"without {formula_text(term)}"

    yield from _with_each_part_edited(case, edit)


def change_sign_of_term(case: Case) -> Iterator[Alternative]:
    """Take a term of a sum with the wrong sign."""

    def edit(formula: Formula) -> Iterator[tuple[Formula, str]]:
        terms = operands_of(formula) if is_call_of(formula, ops.add) else ()
        for i, term in enumerate(terms):
            changed = add(*terms[:i], multiply(-1.0, term), *terms[i + 1 :])
            yield changed, f"with the sign of {formula_text(term)} turned"

    yield from _with_each_part_edited(case, edit)


def double_or_halve_loss(case: Case) -> Iterator[Alternative]:
    """Forget the 2 of a square or the ½ before it, in the loss or in a part of it."""
    name = case.name if case.part == FORWARD else case.top
    for part in walk(case.work.dependencies.formulas.get(name, 1.0)):
        if is_call_of(part, ops.pow) or any(
            isinstance(x, float) and abs(x) != 1 for x in operands_of(part)
        ):
            break
    else:
        return
    for times, size in ((2.0, "twice"), (0.5, "half")):
        detail = f"{case.name} is {size} as large as it should be"
        yield Alternative(multiply(times, case.formula), detail)


def reverse_loss_derivative(case: Case) -> Iterator[Alternative]:
    """Take the loss's derivative with the wrong sign: y - a for a - y."""
    if case.top == case.work.loss and is_call_of(case.formula, ops.add):
        negated = multiply(-1.0, case.formula)
        yield Alternative(
            negated, f"{formula_text(negated)} in place of {formula_text(case.formula)}"
        )


def confuse_activation_derivative(case: Case) -> Iterator[Alternative]:
    """Take the activation for its derivative, or one factor of the derivative alone."""
    activation = case.work.dependencies.formulas.get(case.top)
    if not isinstance(activation, Apply) or activation.operation not in (ops.sigmoid, ops.tanh):
        return
    a, z = case.top, case.bottom
    right = formula_text(case.formula)
    complement = add(1.0, multiply(-1.0, a))
    for other in (
        a,
        complement,
        multiply(a, complement),
        add(1.0, multiply(-1.0, power(a, 2.0))),  # that of tanh
    ):
        if other != case.formula:
            yield Alternative(
                other, f"{formula_text(other)} in place of {right}", {a: case.work.forward[a]}
            )
    if z in case.work.forward:
        extra = {a: case.work.forward[a], z: case.work.forward[z]}
        of_z = substitute(case.formula, {a: z})
        yield Alternative(of_z, f"{formula_text(of_z)} in place of {right}", extra)


def _other_factor(case: Case) -> Iterator[Alternative]:
    """Differentiate a product by one of its factors and keep that factor, not the other."""
    factor = case.bottom
    if isinstance(case.formula, str) and case.formula != case.top and factor in case.work.forward:
        extra = {factor: case.work.forward[factor]}
        yield Alternative(factor, f"{factor} in place of {case.formula}", extra)


def weight_for_activation(case: Case) -> Iterator[Alternative]:
    """Differentiate by a weight and keep the weight."""
    if case.bottom in case.work.parameters:
        yield from _other_factor(case)


def activation_for_weight(case: Case) -> Iterator[Alternative]:
    """Differentiate by an activation and keep the activation."""
    if case.bottom not in case.work.parameters:
        yield from _other_factor(case)


def use_another_name(case: Case) -> Iterator[Alternative]:
    """Take another input, activation or weight."""
    own = {case.top, case.bottom} if case.part == FACTOR else {case.name}
    if case.formula == 1.0:  # by a bias: an input, as if it were a weight
        for name in case.work.dependencies.uses.get(case.top, ()):
            if name not in own:
                extra = {name: case.work.forward[name]}
                yield Alternative(name, f"{name} in place of 1", extra)
        return
    for name in names_in(case.formula):
        for other in case.work.names_of_same_kind(name):
            is_later = case.part == FACTOR and case.work.dependencies.depends(other, case.top)
            if other not in own and not is_later:
                exchanged = substitute(case.formula, {name: other})
                extra = {other: case.work.forward[other]}
                yield Alternative(exchanged, f"{other} in place of {name}", extra)


def skip_activation(case: Case) -> Iterator[Alternative]:
    """Leave a value before its activation."""
    if isinstance(case.formula, Apply) and len(case.formula.operands) == 1:
        inner = case.formula.operands[0]
        yield Alternative(inner, f"{formula_text(inner)} in place of {formula_text(case.formula)}")


def exchange_activation(case: Case) -> Iterator[Alternative]:
    """Take another activation: tanh for a sigmoid, or a sigmoid for tanh."""
    others: dict[Operation, Operation] = {ops.sigmoid: ops.tanh, ops.tanh: ops.sigmoid}

    def edit(formula: Formula) -> Iterator[tuple[Formula, str]]:
        if isinstance(formula, Apply) and (other := others.get(formula.operation)):
            exchanged = Apply(other, formula.operands)
            yield exchanged, f"{formula_text(exchanged)} in place of {formula_text(formula)}"

    yield from _with_each_part_edited(case, edit)


def change_sign_of_exponent(case: Case) -> Iterator[Alternative]:
    """Take a power of e with the wrong sign of its exponent: e^z for e^-z in a sigmoid."""

    def edit(formula: Formula) -> Iterator[tuple[Formula, str]]:
        if isinstance(formula, Apply) and formula.operation in (ops.sigmoid, ops.exp):
            turned = Apply(formula.operation, (multiply(-1.0, *formula.operands),))
            yield turned, f"{formula_text(turned)} in place of {formula_text(formula)}"

    yield from _with_each_part_edited(case, edit)


def skip_square(case: Case) -> Iterator[Alternative]:
    """Leave out a square."""

    def edit(formula: Formula) -> Iterator[tuple[Formula, str]]:
        if is_call_of(formula, ops.pow):
            base, _ = operands_of(formula)
            yield base, f"{formula_text(base)} in place of {formula_text(formula)}"

    yield from _with_each_part_edited(case, edit)


def use_new_parameter(case: Case) -> Iterator[Alternative]:
    """Use a parameter after its update where the old one is still to be used."""
    for name in names_in(case.formula):
        if name in case.work.parameters:
            new = f"new {name}"
            formula = substitute(case.formula, {name: new})
            for value in case.work.new_values(name):
                yield Alternative(formula, f"the new {name} in place of the old", {new: value})
    if case.is_sum_over_paths:
        yield from _use_new_parameters(case)


def _use_new_parameters(case: Case) -> Iterator[Alternative]:
    """Use several new weights in the paths of a derivative."""
    formula, inputs = case.sum_over_paths()
    new: dict[Formula, Formula] = {}
    values: dict[str, list[Admissible]] = {}
    for factor in names_in(formula):
        if "/" not in factor:
            continue
        weight, _ = case.work.derivative(factor)
        if isinstance(weight, str) and weight in case.work.parameters:
            new[factor] = f"new {weight}"
            values[f"new {weight}"] = list(case.work.new_values(weight))
    if len(values) > 1:
        names = ", ".join(values)
        for i in (0, -1):  # as written where they are, or the right ones
            extra = {**inputs, **{name: found[i] for name, found in values.items()}}
            yield Alternative(substitute(formula, new), f"{names} in place of the old", extra)


def use_previous_parameters(case: Case) -> Iterator[Alternative]:
    """Use the parameters of the step before, in a step after the first."""
    before = {f"old {name}": value for name, value in case.work.previous_parameters.items()}
    old: dict[Formula, Formula] = {name: f"old {name}" for name in case.work.previous_parameters}
    used = names_in(case.formula)
    for name in used:
        if name in case.work.previous_parameters:
            formula = substitute(case.formula, {name: old[name]})
            yield Alternative(formula, f"{name} as it was a step before", before)
    if len(used.keys() & old.keys()) > 1:
        yield Alternative(
            substitute(case.formula, old), "the parameters of the step before", before
        )


def answer_of_other_parameter(case: Case) -> Iterator[Alternative]:
    """Give another parameter's answer, or update by another partial."""
    for name, value in case.answers_of_other_parameters():
        yield Alternative("other", f"it is the answer of {name}", {"other": value})
    if case.part == UPDATED:
        for other, value in case.work.partials.items():
            if other != case.gradient:
                formula = substitute(case.formula, {case.gradient: other})
                yield Alternative(formula, f"{other} in place of {case.gradient}", {other: value})


def drop_path(case: Case) -> Iterator[Alternative]:
    """Leave out a path of the sum over paths."""
    if not case.is_sum_over_paths:
        return
    expanded, inputs = case.sum_over_paths()
    terms = operands_of(expanded) if is_call_of(expanded, ops.add) else ()
    for i, term in enumerate(terms):
        path = "direct path" if term == case.name else f"path {formula_text(term)}"
        yield Alternative(add(*terms[:i], *terms[i + 1 :]), f"without the {path}", inputs)


def ascend(case: Case) -> Iterator[Alternative]:
    """Add the gradient in place of subtracting it."""
    uphill = substitute(case.formula, {case.gradient: multiply(-1.0, case.gradient)})
    yield Alternative(uphill, "added in place of subtracted")


def forget_rate(case: Case) -> Iterator[Alternative]:
    """Subtract the gradient without the learning rate."""
    without_rate = substitute(case.formula, {RATE: 1.0})
    yield Alternative(without_rate, f"{case.gradient} was not multiplied by the rate")


def forget_momentum(case: Case) -> Iterator[Alternative]:
    """Leave out the share of the change before."""
    if MOMENTUM in names_in(case.formula):
        yield Alternative(substitute(case.formula, {MOMENTUM: 0.0}), "the momentum is not in it")


def give_change_alone(case: Case) -> Iterator[Alternative]:
    """Give the change, or the old value, in place of the new value."""
    change = add(case.formula, multiply(-1.0, case.name))
    yield Alternative(change, "only the change")
    yield Alternative(multiply(-1.0, change), "only the change")
    yield Alternative(case.name, f"{case.name} as it was before")


def shift_change(case: Case) -> Iterator[Alternative]:
    """Write the change with its point or its zeros in the wrong place."""
    for places in (1, -1, 2, -2, 3, -3):
        moved = substitute(case.formula, {case.gradient: multiply(10.0**places, case.gradient)})
        distance = f"{abs(places)} place{'s' * (abs(places) > 1)}"
        side = "left" if places > 0 else "right"
        yield Alternative(moved, f"the change is {distance} too far to the {side}")


def misread_input(case: Case) -> Iterator[Alternative]:
    """Misread a number that was written before, while working out this one."""
    for name in names_in(case.formula):
        if "/" not in name or not (number := case.written_input(name)):
            continue
        # in an update, a moved point is the slip of the change: shift_change
        moved = () if case.part == UPDATED else move_point(number)
        for misread in (*transpose_digits(number), *moved, *change_zeros(number)):
            formula = substitute(case.formula, {name: misread.value})
            yield Alternative(formula, f"made with {misread} for {name}, which is {number}")
