"""The catalogue of slips, with their hints and explanations.

To add a slip, write its record (see ``slip``) into ``CATALOGUE``, likelier slips first: where
several explain a number equally well, the first is named. Its function goes into ``digit_slips``,
``working_slips``, ``update_slips`` or ``evidence``.
"""

from __future__ import annotations

from tinygrad_hw.worksheet.sheet.parts import FACTOR, FORWARD, PARTIAL, PARTS, TABLE, UPDATED
from tinygrad_hw.worksheet.slips import digit_slips, evidence, update_slips, working_slips
from tinygrad_hw.worksheet.slips.slip import Slip

CHANGE = (UPDATED, TABLE)

CATALOGUE: tuple[Slip, ...] = (
    Slip(
        "nothing-left",
        "How many digits does it take to see this number?",
        "{name} is written as {printed}: {detail}.",
        evidence=evidence.too_few_digits,
        final=True,
    ),
    Slip(
        "held-constant",
        "Does the one depend on the other?",
        "{name} = {printed}: {detail}.",
        (FACTOR, PARTIAL),
        alternatives=working_slips.hold_constant,
    ),
    Slip(
        "loss-turned",
        "What is the derivative of the loss, sign included?",
        "{name} = {printed} has the loss's derivative turned round: {detail}.",
        (FACTOR,),
        alternatives=working_slips.reverse_loss_derivative,
    ),
    Slip(
        "sign",
        "Look at the signs.",
        "{name} = {printed} has the wrong sign; {meant} would fit.",
        undo=digit_slips.change_sign,
        combines=True,
    ),
    Slip(
        "loss-factor",
        "What becomes of the square and of the ½ in the loss?",
        "{name} = {printed}: {detail}; look at the square and at the ½.",
        alternatives=working_slips.double_or_halve_loss,
        parts=(FORWARD, FACTOR),
    ),
    Slip(
        "ascent",
        "Uphill or downhill?",
        "{name} = {printed}: the gradient was {detail}.",
        CHANGE,
        alternatives=update_slips.ascend,
    ),
    Slip(
        "rate-forgotten",
        "Is every part of the rule for the update there?",
        "{name} = {printed}: {detail}.",
        CHANGE,
        alternatives=update_slips.forget_rate,
    ),
    Slip(
        "momentum-forgotten",
        "Does something carry on from the step before?",
        "{name} = {printed}: {detail}.",
        CHANGE,
        alternatives=update_slips.confuse_momentum,
    ),
    Slip(
        "change-alone",
        "Old value, change, new value: which one was asked for?",
        "{name} = {printed} is not the new value but {detail}.",
        CHANGE,
        alternatives=update_slips.give_change_alone,
    ),
    Slip(
        "other-parameter",
        "Whose number is this?",
        "{name} = {printed}: {detail}.",
        (PARTIAL, UPDATED, TABLE),
        alternatives=working_slips.answer_of_other_parameter,
        overrules_rounding=(TABLE,),
    ),
    Slip(
        "sigmoid-prime",
        "What is the derivative of the activation?",
        "{name} = {printed} has {detail}.",
        (FACTOR,),
        alternatives=working_slips.confuse_activation_derivative,
    ),
    Slip(
        "weight-for-activation",
        "Differentiating by a weight, what is left of the product?",
        "{name} = {printed} has {detail}.",
        (FACTOR,),
        alternatives=working_slips.weight_for_activation,
    ),
    Slip(
        "activation-for-weight",
        "Differentiating by an activation, what is left of the product?",
        "{name} = {printed} has {detail}.",
        (FACTOR,),
        alternatives=working_slips.activation_for_weight,
    ),
    Slip(
        "early-update",
        "Old or new weights?",
        "{name} = {printed} was made with {detail}.",
        (FACTOR, PARTIAL),
        alternatives=working_slips.use_new_parameter,
    ),
    Slip(
        "outdated",
        "Which step is this?",
        "{name} = {printed} was made with {detail}.",
        (FORWARD, FACTOR, UPDATED),
        alternatives=working_slips.use_previous_parameters,
    ),
    Slip(
        "wrong-input",
        "Which name belongs here?",
        "{name} = {printed} was made with {detail}.",
        (FORWARD, FACTOR),
        alternatives=working_slips.use_another_name,
    ),
    Slip(
        "misplaced-point",
        "Count the zeros and the places.",
        "{name} = {printed} has its point, its exponent or a zero out of place; {meant} would fit.",
        undo=digit_slips.move_point,
        combines=True,
    ),
    Slip(
        "zero",
        "Count the zeros.",
        "{name} = {printed} has a zero too many or too few: {detail}.",
        CHANGE,
        alternatives=update_slips.shift_change,
    ),
    Slip(
        "other-rate",
        "Which learning rate does the sheet give?",
        "{name} = {printed} was made with {detail}.",
        CHANGE,
        alternatives=update_slips.use_another_rate,
    ),
    Slip(
        "transposed",
        "Compare the digits one by one.",
        "{name} = {printed} has two digits changed round; {meant} would fit.",
        undo=digit_slips.transpose_digits,
        overrules_rounding=PARTS,
        combines=True,
    ),
    Slip(
        "path-missing",
        "On how many ways does the loss depend on this?",
        "{name} = {printed} was added up {detail}.",
        (FACTOR, PARTIAL),
        alternatives=working_slips.drop_path,
    ),
    Slip(
        "factor-dropped",
        "Is every factor in the product?",
        "{name} = {printed} was made {detail}.",
        (FORWARD, FACTOR, PARTIAL),
        alternatives=working_slips.drop_factor,
    ),
    Slip(
        "factor-twice",
        "Is any factor in the product twice?",
        "{name} = {printed} was made {detail}.",
        (FORWARD, FACTOR, PARTIAL),
        alternatives=working_slips.repeat_factor,
    ),
    Slip(
        "term-missing",
        "Is every term in the sum?",
        "{name} = {printed} was added up {detail}.",
        (FORWARD,),
        alternatives=working_slips.drop_term,
    ),
    Slip(
        "sign-in-sum",
        "Look at the signs of the terms.",
        "{name} = {printed} was added up {detail}.",
        (FORWARD, PARTIAL),
        alternatives=working_slips.change_sign_of_term,
    ),
    Slip(
        "sign-of-exponent",
        "What is the exponent?",
        "{name} = {printed} is {detail}.",
        (FORWARD,),
        alternatives=working_slips.change_sign_of_exponent,
    ),
    Slip(
        "other-activation",
        "Which activation is it?",
        "{name} = {printed} is {detail}.",
        (FORWARD,),
        alternatives=working_slips.exchange_activation,
    ),
    Slip(
        "not-activated",
        "Is this before or after the activation?",
        "{name} = {printed} is {detail}.",
        (FORWARD,),
        alternatives=working_slips.skip_activation,
    ),
    Slip(
        "not-squared",
        "Is anything squared here?",
        "{name} = {printed} is made with {detail}.",
        (FORWARD,),
        alternatives=working_slips.skip_square,
    ),
    Slip(
        "zero",
        "Count the zeros.",
        "{name} = {printed} has a zero too many or too few; {meant} would fit.",
        undo=digit_slips.change_zeros,
        may_hide_in_rounding=True,
    ),
    Slip(
        "misread",
        "Compare what you multiplied with what you wrote.",
        "{name} = {printed} was {detail}.",
        (PARTIAL, UPDATED),
        alternatives=working_slips.misread_input,
        may_hide_in_rounding=True,
    ),
    Slip(
        "wrong-digit",
        "Compare the digits one by one.",
        "{name} = {printed} has one wrong digit; {meant} would fit.",
        undo=digit_slips.change_digit,
        may_hide_in_rounding=True,
    ),
    Slip(
        "miscopied",
        "Compare the table with what was worked out.",
        "{name} = {printed} was copied wrongly: {detail}.",
        (TABLE,),
        evidence=evidence.differs_from_original,
    ),
    Slip(
        "made-with",
        "Compare the factor with the product beside it.",
        "{name} = {printed} was not used: {detail}.",
        (FACTOR,),
        evidence=evidence.product_is_right,
    ),
)
"""All slips, likelier ones first."""
