"""Slips of the working: each function yields formulas that may have been computed instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

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
from tinygrad_hw.worksheet.sheet.parts import FACTOR, FORWARD, PARTIAL, UPDATED
from tinygrad_hw.worksheet.slips.case import Case
from tinygrad_hw.worksheet.slips.digit_slips import change_zeros, move_point, transpose_digits
from tinygrad_hw.worksheet.slips.slip import Alternative
from tinygrad_hw.worksheet.solution.dependencies import PRIME, split_derivative, without_marks

Edit = Callable[[Formula], Iterator[Alternative]]  # of one part
SLOPED = (ops.sigmoid, ops.tanh, ops.relu)  # activations whose derivative is often confused
SLOPE = "the slope of an activation"  # the rule that is got wrong where it is left out


def _factors(formula: Formula) -> tuple[Formula, ...]:
    return operands_of(formula) if is_call_of(formula, ops.mul) else (formula,)


def _edit_each_part(formula: Formula, edit: Edit) -> Iterator[Alternative]:
    """Yield a formula with each of its parts edited, one at a time."""
    yield from edit(formula)
    for i, operand in enumerate(operands_of(formula)):
        assert isinstance(formula, Apply)
        for inner in _edit_each_part(operand, edit):
            changed = (*formula.operands[:i], inner.formula, *formula.operands[i + 1 :])
            yield replace(inner, formula=with_operands(formula, changed))


def drop_factor(case: Case) -> Iterator[Alternative]:
    """Leave out a factor of a product, or one that stands in several paths."""
    if case.part == FACTOR and not case.is_sum_over_paths:
        if _is_slope(case, case.name):  # of another local derivative that is 1 - a for a (1 - a)
            detail = f"without the derivative of the activation: {_in_place_of(case, 1.0)}"
            yield Alternative(1.0, detail, rule=SLOPE)
        return

    def edit(formula: Formula) -> Iterator[Alternative]:
        factors = _factors(formula)
        for i, factor in enumerate(factors):
            if len(factors) > 1 and not isinstance(factor, float):
                rest = multiply(*factors[:i], *factors[i + 1 :])
                detail = f"without the factor {formula_text(factor)}"
                yield Alternative(rest, detail, rule=_rule_on(case, factor))

    yield from _edit_each_part(case.formula, edit)
    for names in _repeated_factors(case.formula):
        without = substitute(case.formula, dict.fromkeys(names, 1.0))
        detail = f"without the factor {names[0]} in any path"
        yield Alternative(without, detail, rule=_rule_on(case, names[0]))
    if case.is_sum_over_paths:
        yield from _drop_local_factors(case)


def _drop_local_factors(case: Case) -> Iterator[Alternative]:
    """Leave out a local derivative that is not written."""
    formula, inputs = case.sum_over_paths()
    if formula != case.formula:
        where = " in any path" if is_call_of(formula, ops.add) else ""
        for name in names_in(formula):
            without = substitute(formula, {name: 1.0})
            detail = f"without the factor {name}{where}"
            yield Alternative(without, detail, inputs, _rule_on(case, name))


def _rule_on(case: Case, factor: Formula) -> str:
    """Return the rule that is got wrong where a factor is left out, or taken twice."""
    if not isinstance(factor, str) or "/" not in factor:
        return ""
    if _is_slope(case, factor):
        return SLOPE
    is_last = case.part == PARTIAL and split_derivative(factor)[1] == case.bottom
    return "the last factor" if is_last else without_marks(factor)


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

    def edit(formula: Formula) -> Iterator[Alternative]:
        factors = _factors(formula)
        for factor in factors:
            if len(factors) > 1 and not isinstance(factor, float):
                detail = f"with the factor {formula_text(factor)} twice"
                rule = _rule_on(case, factor)
                yield Alternative(multiply(factor, *factors), detail, rule=rule)

    yield from _edit_each_part(case.formula, edit)
    for names in _repeated_factors(case.formula):
        squared = substitute(case.formula, {name: multiply(name, name) for name in names})
        detail = f"with the factor {names[0]} twice in every path"
        yield Alternative(squared, detail, rule=_rule_on(case, names[0]))


def names_by_factor(formula: Formula) -> dict[str, list[str]]:
    """Return the names of each factor in a sum over paths: one for each path that it stands in."""
    names: dict[str, list[str]] = {}
    for name in names_in(formula):
        names.setdefault(name.strip(PRIME), []).append(name)
    return names


def _repeated_factors(formula: Formula) -> list[list[str]]:
    return [names for names in names_by_factor(formula).values() if len(names) > 1]


def drop_term(case: Case) -> Iterator[Alternative]:
    """Leave out a term of a sum."""

    def edit(formula: Formula) -> Iterator[Alternative]:
        terms = operands_of(formula) if is_call_of(formula, ops.add) else ()
        for i, term in enumerate(terms):
            rule = "a term of one name" if isinstance(term, str) else ""  # such as the bias
            without = add(*terms[:i], *terms[i + 1 :])
            yield Alternative(without, f"without {formula_text(term)}", rule=rule)

    yield from _edit_each_part(case.formula, edit)


def change_sign_of_term(case: Case) -> Iterator[Alternative]:
    """Take a term of a sum with the wrong sign."""

    def edit(formula: Formula) -> Iterator[Alternative]:
        terms = operands_of(formula) if is_call_of(formula, ops.add) else ()
        for i, term in enumerate(terms):
            changed = add(*terms[:i], multiply(-1.0, term), *terms[i + 1 :])
            yield Alternative(changed, f"with the sign of {formula_text(term)} turned")

    yield from _edit_each_part(case.formula, edit)


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
        yield Alternative(multiply(times, case.formula), detail, rule=size)


def reverse_loss_derivative(case: Case) -> Iterator[Alternative]:
    """Take the loss's derivative with the wrong sign: y - a for a - y."""
    if case.top == case.work.loss and is_call_of(case.formula, ops.add):
        negated = multiply(-1.0, case.formula)
        yield Alternative(negated, _in_place_of(case, negated), rule="the sign")


def _in_place_of(case: Case, formula: Formula) -> str:
    return f"{formula_text(formula)} in place of {formula_text(case.formula)}"


def confuse_activation_derivative(case: Case) -> Iterator[Alternative]:
    """Take the activation for its derivative, or one factor of the derivative alone."""
    activation = case.work.dependencies.formulas.get(case.top)
    if not isinstance(activation, Apply) or activation.operation not in SLOPED:
        return
    a, z = case.top, case.bottom
    complement = add(1.0, multiply(-1.0, a))
    others: dict[str, Formula] = {"a": a}
    if activation.operation is not ops.relu:
        others |= {
            "1 - a": complement,
            "a (1 - a)": multiply(a, complement),
            "1 - a**2": add(1.0, multiply(-1.0, power(a, 2.0))),  # that of tanh
        }
    for rule, other in others.items():
        if other != case.formula:
            extra = {a: case.work.forward[a]}
            yield Alternative(other, _in_place_of(case, other), extra, rule)
    if z in case.work.forward:
        extra = {a: case.work.forward[a], z: case.work.forward[z]}
        of_z = substitute(case.formula, {a: z})
        yield Alternative(of_z, _in_place_of(case, of_z), extra, "of z")


def weight_for_activation(case: Case) -> Iterator[Alternative]:
    """Differentiate by a weight and keep the weight, or by a bias and keep the bias."""
    if case.bottom in case.work.parameters:
        is_bias = case.formula == 1.0
        why = "a bias is added, not multiplied" if is_bias else "the weight for the activation"
        yield from _keep(case, why)


def activation_for_weight(case: Case) -> Iterator[Alternative]:
    """Differentiate by an activation and keep the activation."""
    if case.bottom not in case.work.parameters and case.formula != 1.0:
        yield from _keep(case, "the activation for the weight")


def _keep(case: Case, why: str) -> Iterator[Alternative]:
    """Keep the name that a product, or a sum, is differentiated by, and not what is beside it."""
    is_beside = isinstance(case.formula, str) and case.formula != case.top
    if (is_beside or case.formula == 1.0) and case.bottom in case.work.forward:
        extra = {case.bottom: case.work.forward[case.bottom]}
        detail = f"{_in_place_of(case, case.bottom)}: {why}"
        yield Alternative(case.bottom, detail, extra, "kept")


def hold_constant(case: Case) -> Iterator[Alternative]:
    """Take a bias for a constant, whose derivative is 0."""
    if case.is_held_constant:
        yield Alternative(0.0, f"{case.top} does depend on {case.bottom}", rule="constant")


def use_another_name(case: Case) -> Iterator[Alternative]:
    """Take another input, activation or weight."""
    own = {case.top, case.bottom} if case.part == FACTOR else {case.name}
    if case.formula == 1.0 and case.part in (FACTOR, PARTIAL):  # by a bias: as if by a weight
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
                detail = f"{other} in place of {name}"
                yield Alternative(exchanged, detail, extra, rule=detail)


def skip_activation(case: Case) -> Iterator[Alternative]:
    """Leave a value before its activation."""
    if isinstance(case.formula, Apply) and len(case.formula.operands) == 1:
        inner = case.formula.operands[0]
        yield Alternative(inner, _in_place_of(case, inner), rule="none")


def exchange_activation(case: Case) -> Iterator[Alternative]:
    """Take another activation: tanh for a sigmoid, or a sigmoid for tanh."""
    others: dict[Operation, Operation] = {ops.sigmoid: ops.tanh, ops.tanh: ops.sigmoid}

    def edit(formula: Formula) -> Iterator[Alternative]:
        if isinstance(formula, Apply) and (other := others.get(formula.operation)):
            exchanged = Apply(other, formula.operands)
            detail = f"{formula_text(exchanged)} in place of {formula_text(formula)}"
            yield Alternative(exchanged, detail, rule=other.name)

    yield from _edit_each_part(case.formula, edit)


def change_sign_of_exponent(case: Case) -> Iterator[Alternative]:
    """Take a power of e with the wrong sign of its exponent: e^z for e^-z in a sigmoid."""

    def edit(formula: Formula) -> Iterator[Alternative]:
        if isinstance(formula, Apply) and formula.operation in (ops.sigmoid, ops.exp):
            turned = Apply(formula.operation, (multiply(-1.0, *formula.operands),))
            detail = f"{formula_text(turned)} in place of {formula_text(formula)}"
            yield Alternative(turned, detail, rule="the sign")

    yield from _edit_each_part(case.formula, edit)


def skip_square(case: Case) -> Iterator[Alternative]:
    """Leave out a square."""

    def edit(formula: Formula) -> Iterator[Alternative]:
        if is_call_of(formula, ops.pow):
            base, _ = operands_of(formula)
            detail = f"{formula_text(base)} in place of {formula_text(formula)}"
            yield Alternative(base, detail, rule="the base")

    yield from _edit_each_part(case.formula, edit)


def use_new_parameter(case: Case) -> Iterator[Alternative]:
    """Use a parameter after its update where the old one is still to be used."""
    for name in names_in(case.formula):
        if name in case.work.parameters:
            new = f"new {name}"
            formula = substitute(case.formula, {name: new})
            for value in case.work.new_values(name):
                detail = f"the new {name} in place of the old"
                yield Alternative(formula, detail, {new: value}, "new for old")
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
            detail = f"{names} in place of the old"
            yield Alternative(substitute(formula, new), detail, extra, "new for old")


def use_previous_parameters(case: Case) -> Iterator[Alternative]:
    """Use the parameters of the step before, in a step after the first."""
    before = {f"old {name}": value for name, value in case.work.previous_parameters.items()}
    old: dict[Formula, Formula] = {name: f"old {name}" for name in case.work.previous_parameters}
    used = names_in(case.formula)
    for name in used:
        if name in case.work.previous_parameters:
            formula = substitute(case.formula, {name: old[name]})
            yield Alternative(formula, f"{name} as it was a step before", before, "old for new")
    if len(used.keys() & old.keys()) > 1:
        formula = substitute(case.formula, old)
        yield Alternative(formula, "the parameters of the step before", before, "old for new")


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
        without = add(*terms[:i], *terms[i + 1 :])
        yield Alternative(without, f"without the {path}", inputs, "a path")


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
