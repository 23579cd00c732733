"""The catalogue of slips: how a number comes to be wrong.

What a record says is told in ``slip``. To add one, write it into ``CATALOGUE``, likelier slips
first: where several explain a number equally well, the first is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tinygrad_hw.engine.core import ops
from tinygrad_hw.explain.notation.text import write
from tinygrad_hw.symbolic import (
    Apply,
    Formula,
    add,
    is_call_of,
    multiply,
    names_in,
    operands_of,
    substitute,
    with_operands,
)
from tinygrad_hw.worksheet.rounding.admissible import HABITS, Admissible, evaluate
from tinygrad_hw.worksheet.rounding.written_number import WrittenNumber
from tinygrad_hw.worksheet.slips.slip import (
    FACTOR,
    FORWARD,
    PARTIAL,
    PARTS,
    TABLE,
    UPDATED,
    Case,
    Imagined,
    Slip,
)
from tinygrad_hw.worksheet.solution.dependencies import PRIME

# --- What slips do to digits ----------------------------------------------------------------------


def _other_sign(written: WrittenNumber) -> Iterator[WrittenNumber]:
    yield replace(written, negative=not written.negative)


def _point_moved(written: WrittenNumber) -> Iterator[WrittenNumber]:
    for places in (1, -1, 2, -2, 3, -3):
        yield replace(written, place=written.place + places)
    exponent = written.place + len(str(written.digits)) - 1
    if abs(exponent) > 1:
        yield replace(written, place=written.place - 2 * exponent)


def _zero_moved(written: WrittenNumber) -> Iterator[WrittenNumber]:
    """A zero inside the digits, one too many or one too few."""
    text = str(written.digits)
    for i in range(1, len(text)):
        if text[i] == "0" and text[i:].strip("0"):
            yield replace(written, digits=int(text[:i] + text[i + 1 :]), place=written.place + 1)
        if len(text) < 16:
            yield replace(written, digits=int(text[:i] + "0" + text[i:]), place=written.place - 1)


def _swapped(written: WrittenNumber) -> Iterator[WrittenNumber]:
    text = str(written.digits).zfill(max(len(str(written.digits)), 1 - written.place))
    for i in range(len(text) - 1):
        if text[i] != text[i + 1]:
            swapped = text[:i] + text[i + 1] + text[i] + text[i + 2 :]
            yield replace(written, digits=int(swapped))


def _digit_changed(written: WrittenNumber) -> Iterator[WrittenNumber]:
    text = str(written.digits)
    for i, old in enumerate(text):
        for new in "0123456789":
            if new != old:
                yield replace(written, digits=int(text[:i] + new + text[i + 1 :]))


# --- What slips do to the working -----------------------------------------------------------------


def _factors(formula: Formula) -> tuple[Formula, ...]:
    return operands_of(formula) if is_call_of(formula, ops.mul) else (formula,)


def _edited(
    formula: Formula, edit: Callable[[Formula], Iterator[tuple[Formula, str]]]
) -> Iterator[tuple[Formula, str]]:
    """Apply an edit to every part of a formula, one at a time."""
    yield from edit(formula)
    for i, operand in enumerate(operands_of(formula)):
        assert isinstance(formula, Apply)
        for inner, detail in _edited(operand, edit):
            changed = (*formula.operands[:i], inner, *formula.operands[i + 1 :])
            yield with_operands(formula, changed), detail


def _imagined(
    case: Case, edit: Callable[[Formula], Iterator[tuple[Formula, str]]]
) -> Iterator[Imagined]:
    for formula, detail in _edited(case.formula, edit):
        yield Imagined(formula, detail)


def _factor_dropped(case: Case) -> Iterator[Imagined]:
    def edit(formula: Formula) -> Iterator[tuple[Formula, str]]:
        factors = _factors(formula)
        for i, factor in enumerate(factors):
            if len(factors) > 1 and not isinstance(factor, float):
                left = multiply(*factors[:i], *factors[i + 1 :])
                yield left, f"without the factor {write(factor)}"

    yield from _imagined(case, edit)
    for names in shared(case.formula):
        left = substitute(case.formula, dict.fromkeys(names, 1.0))
        yield Imagined(left, f"without the factor {names[0]} in any path")


def _factor_twice(case: Case) -> Iterator[Imagined]:
    def edit(formula: Formula) -> Iterator[tuple[Formula, str]]:
        factors = _factors(formula)
        for factor in factors:
            if len(factors) > 1 and not isinstance(factor, float):
                yield multiply(factor, *factors), f"with the factor {write(factor)} twice"

    yield from _imagined(case, edit)
    for names in shared(case.formula):
        more = substitute(case.formula, {name: multiply(name, name) for name in names})
        yield Imagined(more, f"with the factor {names[0]} twice in every path")


def shared(formula: Formula) -> list[list[str]]:
    """The factors that stand in several paths of a sum, each by the names it has there."""
    alike: dict[str, list[str]] = {}
    for name in names_in(formula):
        alike.setdefault(name.strip(PRIME), []).append(name)
    return [names for names in alike.values() if len(names) > 1]


def _term_missing(case: Case) -> Iterator[Imagined]:
    def edit(formula: Formula) -> Iterator[tuple[Formula, str]]:
        terms = operands_of(formula) if is_call_of(formula, ops.add) else ()
        for i, term in enumerate(terms):
            yield add(*terms[:i], *terms[i + 1 :]), f"without {write(term)}"

    yield from _imagined(case, edit)


def _term_of_other_sign(case: Case) -> Iterator[Imagined]:
    def edit(formula: Formula) -> Iterator[tuple[Formula, str]]:
        terms = operands_of(formula) if is_call_of(formula, ops.add) else ()
        for i, term in enumerate(terms):
            turned = add(*terms[:i], multiply(-1.0, term), *terms[i + 1 :])
            yield turned, f"with the sign of {write(term)} turned"

    yield from _imagined(case, edit)


def _loss_factor(case: Case) -> Iterator[Imagined]:
    """The 2 of the square and the ½ before it, of which one was forgotten."""
    if (case.name if case.part == FORWARD else case.top) != case.step.loss:
        return
    yield Imagined(multiply(2.0, case.formula), "twice as large")
    yield Imagined(multiply(0.5, case.formula), "half as large")


def _loss_turned(case: Case) -> Iterator[Imagined]:
    if case.top == case.step.loss and is_call_of(case.formula, ops.add):
        turned = multiply(-1.0, case.formula)
        yield Imagined(turned, f"{write(turned)} in place of {write(case.formula)}")


def _sigmoid_prime(case: Case) -> Iterator[Imagined]:
    """The function for its derivative, or one factor of the derivative alone."""
    made = case.step.structure.formulas.get(case.top)
    if not isinstance(made, Apply) or made.operation not in (ops.sigmoid, ops.tanh):
        return
    a, z = case.top, case.bottom
    right = write(case.formula)
    alone = add(1.0, multiply(-1.0, a))
    for other in (a, alone, multiply(a, alone)):
        if other != case.formula:
            yield Imagined(other, f"{write(other)} in place of {right}", {a: case.step.forward[a]})
    if z in case.step.forward:
        more = {a: case.step.forward[a], z: case.step.forward[z]}
        primed = substitute(case.formula, {a: z})
        yield Imagined(primed, f"{write(primed)} in place of {right}", more)


def _partner(case: Case) -> Iterator[Imagined]:
    """Of a product, the factor that one differentiates by, where the other should stand."""
    q = case.bottom
    if isinstance(case.formula, str) and case.formula != case.top and q in case.step.forward:
        yield Imagined(q, f"{q} in place of {case.formula}", {q: case.step.forward[q]})


def _weight_for_activation(case: Case) -> Iterator[Imagined]:
    if case.bottom in case.step.parameters:
        yield from _partner(case)


def _activation_for_weight(case: Case) -> Iterator[Imagined]:
    if case.bottom not in case.step.parameters:
        yield from _partner(case)


def _another_name(case: Case) -> Iterator[Imagined]:
    """Another input, activation or weight where one of them should stand."""
    own = {case.top, case.bottom} if case.part == FACTOR else {case.name}
    if case.formula == 1.0:  # by a bias: an input, as if it were a weight
        for name in case.step.formula_names(case.top):
            if name not in own:
                more = {name: case.step.forward[name]}
                yield Imagined(name, f"{name} in place of 1", more)
        return
    for name in names_in(case.formula):
        for other in case.step.siblings(name):
            below = case.part == FACTOR and case.step.structure.depends(other, case.top)
            if other not in own and not below:
                swapped = substitute(case.formula, {name: other})
                more = {other: case.step.forward[other]}
                yield Imagined(swapped, f"{other} in place of {name}", more)


def _not_activated(case: Case) -> Iterator[Imagined]:
    if isinstance(case.formula, Apply) and len(case.formula.operands) == 1:
        inner = case.formula.operands[0]
        yield Imagined(inner, f"{write(inner)} in place of {write(case.formula)}")


def _not_squared(case: Case) -> Iterator[Imagined]:
    def edit(formula: Formula) -> Iterator[tuple[Formula, str]]:
        if is_call_of(formula, ops.pow):
            base, _ = operands_of(formula)
            yield base, f"{write(base)} in place of {write(formula)}"

    yield from _imagined(case, edit)


def _early_update(case: Case) -> Iterator[Imagined]:
    """The new weight where the old one is still to be used."""
    for name in names_in(case.formula):
        if name in case.step.parameters:
            new = f"new {name}"
            formula = substitute(case.formula, {name: new})
            for value in case.step.new_values(name):
                yield Imagined(formula, f"the new {name} in place of the old", {new: value})


def _outdated(case: Case) -> Iterator[Imagined]:
    """The parameters of the step before, in one after the first."""
    before = {f"old {name}": value for name, value in case.step.before.items()}
    old: dict[Formula, Formula] = {name: f"old {name}" for name in case.step.before}
    used = names_in(case.formula)
    for name in used:
        if name in case.step.before:
            formula = substitute(case.formula, {name: old[name]})
            yield Imagined(formula, f"{name} as it was a step before", before)
    if len(used.keys() & old.keys()) > 1:
        yield Imagined(substitute(case.formula, old), "the parameters of the step before", before)


def _other_parameter(case: Case) -> Iterator[Imagined]:
    for name, value in case.step.answers_like(case):
        yield Imagined("other", f"it is the answer of {name}", {"other": value})
    if case.part == UPDATED:
        for other, value in case.step.partials.items():
            if other != case.slope:
                formula = substitute(case.formula, {case.slope: other})
                yield Imagined(formula, f"{other} in place of {case.slope}", {other: value})


def _path_missing(case: Case) -> Iterator[Imagined]:
    expanded, inputs = case.step.expanded(case)
    terms = operands_of(expanded) if is_call_of(expanded, ops.add) else ()
    for i, term in enumerate(terms):
        path = "direct path" if term == case.name else f"path {write(term)}"
        yield Imagined(add(*terms[:i], *terms[i + 1 :]), f"without the {path}", inputs)


def _ascent(case: Case) -> Iterator[Imagined]:
    uphill = substitute(case.formula, {case.slope: multiply(-1.0, case.slope)})
    yield Imagined(uphill, "added in place of subtracted")


def _rate_forgotten(case: Case) -> Iterator[Imagined]:
    whole = add(case.name, multiply(-1.0, case.slope))
    yield Imagined(whole, f"{case.slope} was not multiplied by the rate")


def _change_alone(case: Case) -> Iterator[Imagined]:
    change = add(case.formula, multiply(-1.0, case.name))
    yield Imagined(change, "only the change")
    yield Imagined(multiply(-1.0, change), "only the change")
    yield Imagined(case.name, f"{case.name} as it was before")


def _change_misplaced(case: Case) -> Iterator[Imagined]:
    for places in (1, -1, 2, -2, 3, -3):
        moved = substitute(case.formula, {case.slope: multiply(10.0**places, case.slope)})
        how_far = f"{abs(places)} place{'s' * (abs(places) > 1)}"
        side = "left" if places > 0 else "right"
        yield Imagined(moved, f"the change is {how_far} too far to the {side}")


def _misread(case: Case) -> Iterator[Imagined]:
    """A number read wrongly from what stands beside, while working out this one."""
    for name in names_in(case.formula):
        if "/" not in name or not (number := case.step.written_for(case, name)):
            continue
        moved = () if case.part == UPDATED else _point_moved(number)  # the change is, there
        for misread in (*_swapped(number), *moved, *_zero_moved(number)):
            formula = substitute(case.formula, {name: misread.value})
            yield Imagined(formula, f"made with {misread} for {name}, which is {number}")


def _product_tells(case: Case) -> Iterator[str]:
    """The product beside a wrong factor is right: it was made with another number."""
    if (beside := case.step.beside(case)) is None:
        return
    result, formula, inputs = beside
    with_right = evaluate(formula, {**inputs, case.name: case.expected})
    as_written = evaluate(formula, {**inputs, case.name: _exactly(case.written)})
    made_right = result.is_reachable_from(with_right.tight)
    if not made_right or result.is_reachable_from(as_written.own_tight):
        return
    w = case.written
    likely = (*case.step.elsewhere(case.name), *_point_moved(w), *_swapped(w), *_other_sign(w))
    products = [evaluate(formula, {**inputs, case.name: _exactly(other)}) for other in likely]
    for gives in (
        Admissible.matches_a_habit,
        Admissible.can_give,
    ):  # to the last digit, or within rounding
        for other, made in zip(likely, products, strict=True):
            if gives(made, result):
                yield f"the product {result} beside it was made with {other}"
                return
    yield f"the product {result} beside it is right, so it was made with another number"


def _exactly(written: WrittenNumber) -> Admissible:
    x = written.preimage()
    return Admissible(x, x, x, x, (written.value,) * len(HABITS))


def _copy(case: Case) -> Iterator[str]:
    if case.copied is not None:
        yield f"beside its partial it was worked out as {case.copied}"


def _invisible(case: Case) -> Iterator[str]:
    if case.step.shows_nothing(case):
        if case.part in (UPDATED, TABLE):
            yield "too few digits were kept to see the change at all"
        else:
            yield "too few digits were kept to see any of it"


CHANGE = (UPDATED, TABLE)

CATALOGUE: tuple[Slip, ...] = (
    Slip(
        "nothing-left",
        "How many digits does it take to see this number?",
        "{name} is written as {printed}: {detail}.",
        betrayed=_invisible,
        ends_it=True,
    ),
    Slip(
        "loss-turned",
        "What is the derivative of the loss, sign included?",
        "{name} = {printed} has the loss's derivative turned round: {detail}.",
        (FACTOR,),
        imagine=_loss_turned,
    ),
    Slip(
        "sign",
        "Look at the signs.",
        "{name} = {printed} has the wrong sign; {meant} would fit.",
        undo=_other_sign,
        combines=True,
    ),
    Slip(
        "loss-factor",
        "What becomes of the square and of the ½ in the loss?",
        "{name} = {printed} is {detail} as it should be: look at the factors of the loss.",
        imagine=_loss_factor,
        parts=(FORWARD, FACTOR),
    ),
    Slip(
        "ascent",
        "Uphill or downhill?",
        "{name} = {printed}: the gradient was {detail}.",
        CHANGE,
        imagine=_ascent,
    ),
    Slip(
        "rate-forgotten",
        "Is every part of the rule for the update there?",
        "{name} = {printed}: {detail}.",
        CHANGE,
        imagine=_rate_forgotten,
    ),
    Slip(
        "change-alone",
        "Old value, change, new value: which one was asked for?",
        "{name} = {printed} is not the new value but {detail}.",
        CHANGE,
        imagine=_change_alone,
    ),
    Slip(
        "other-parameter",
        "Whose number is this?",
        "{name} = {printed}: {detail}.",
        (PARTIAL, UPDATED, TABLE),
        imagine=_other_parameter,
        convicts=(TABLE,),
    ),
    Slip(
        "sigmoid-prime",
        "What is the derivative of the activation?",
        "{name} = {printed} is {detail}.",
        (FACTOR,),
        imagine=_sigmoid_prime,
    ),
    Slip(
        "weight-for-activation",
        "Differentiating by a weight, what is left of the product?",
        "{name} = {printed} is {detail}: the weight for the activation.",
        (FACTOR,),
        imagine=_weight_for_activation,
    ),
    Slip(
        "activation-for-weight",
        "Differentiating by an activation, what is left of the product?",
        "{name} = {printed} is {detail}: the activation for the weight.",
        (FACTOR,),
        imagine=_activation_for_weight,
    ),
    Slip(
        "early-update",
        "Old or new weights?",
        "{name} = {printed} was made with {detail}.",
        (FACTOR,),
        imagine=_early_update,
    ),
    Slip(
        "outdated",
        "Which step is this?",
        "{name} = {printed} was made with {detail}.",
        (FORWARD, FACTOR, UPDATED),
        imagine=_outdated,
    ),
    Slip(
        "wrong-input",
        "Which name belongs here?",
        "{name} = {printed} was made with {detail}.",
        (FORWARD, FACTOR),
        imagine=_another_name,
    ),
    Slip(
        "misplaced-point",
        "Count the zeros and the places.",
        "{name} = {printed} has its point, its exponent or a zero out of place; {meant} would fit.",
        undo=_point_moved,
        combines=True,
    ),
    Slip(
        "zero",
        "Count the zeros.",
        "{name} = {printed} has a zero too many or too few: {detail}.",
        CHANGE,
        imagine=_change_misplaced,
    ),
    Slip(
        "transposed",
        "Compare the digits one by one.",
        "{name} = {printed} has two digits changed round; {meant} would fit.",
        undo=_swapped,
        convicts=PARTS,
        combines=True,
    ),
    Slip(
        "path-missing",
        "On how many ways does the loss depend on this?",
        "{name} = {printed} was added up {detail}.",
        (PARTIAL,),
        imagine=_path_missing,
    ),
    Slip(
        "factor-dropped",
        "Is every factor in the product?",
        "{name} = {printed} was made {detail}.",
        (FORWARD, PARTIAL),
        imagine=_factor_dropped,
    ),
    Slip(
        "factor-twice",
        "Is any factor in the product twice?",
        "{name} = {printed} was made {detail}.",
        (FORWARD, PARTIAL),
        imagine=_factor_twice,
    ),
    Slip(
        "term-missing",
        "Is every term in the sum?",
        "{name} = {printed} was added up {detail}.",
        (FORWARD,),
        imagine=_term_missing,
    ),
    Slip(
        "sign-in-sum",
        "Look at the signs of the terms.",
        "{name} = {printed} was added up {detail}.",
        (FORWARD, PARTIAL),
        imagine=_term_of_other_sign,
    ),
    Slip(
        "not-activated",
        "Is this before or after the activation?",
        "{name} = {printed} is {detail}.",
        (FORWARD,),
        imagine=_not_activated,
    ),
    Slip(
        "not-squared",
        "Is anything squared here?",
        "{name} = {printed} is made with {detail}.",
        (FORWARD,),
        imagine=_not_squared,
    ),
    Slip(
        "zero",
        "Count the zeros.",
        "{name} = {printed} has a zero too many or too few; {meant} would fit.",
        undo=_zero_moved,
        faint=True,
    ),
    Slip(
        "misread",
        "Compare what you multiplied with what you wrote.",
        "{name} = {printed} was {detail}.",
        (PARTIAL, UPDATED),
        imagine=_misread,
        faint=True,
    ),
    Slip(
        "wrong-digit",
        "Compare the digits one by one.",
        "{name} = {printed} has one wrong digit; {meant} would fit.",
        undo=_digit_changed,
        faint=True,
    ),
    Slip(
        "miscopied",
        "Compare the table with what was worked out.",
        "{name} = {printed} was copied wrongly: {detail}.",
        (TABLE,),
        betrayed=_copy,
    ),
    Slip(
        "made-with",
        "Compare the factor with the product beside it.",
        "{name} = {printed} was not used: {detail}.",
        (FACTOR,),
        betrayed=_product_tells,
    ),
)
"""Every slip we know, likelier ones first."""
