"""Formulas as trees: read from text, simplified, differentiated, evaluated.

``formula`` has the tree itself, ``simplification`` what builds one as one would by hand,
``cancellation`` what shortens one with quotients, ``parser`` what reads one from the text of a rule
or a sheet, ``differentiation`` the derivative by a name, and ``evaluation`` the value in floats.
``expression`` reads the formulas of a sheet, checks them, and records them with Values; ``arrays``
expands those on vectors and matrices. ``source`` writes formulas as text.
"""

from tinygrad_hw.symbolic.cancellation import cancel
from tinygrad_hw.symbolic.differentiation import differentiate, rule_bindings
from tinygrad_hw.symbolic.evaluation import compute
from tinygrad_hw.symbolic.expression import (
    FUNCTIONS,
    Expression,
    ExpressionError,
    is_name,
    read_expression,
)
from tinygrad_hw.symbolic.formula import (
    EXTREMES,
    Apply,
    Formula,
    Literal,
    Partial,
    is_call_of,
    is_negative,
    leaves,
    names_in,
    node_count,
    operands_of,
    walk,
)
from tinygrad_hw.symbolic.parser import read_formula
from tinygrad_hw.symbolic.simplification import (
    add,
    divide,
    multiply,
    power,
    substitute,
    with_operands,
)

__all__ = [
    "EXTREMES",
    "FUNCTIONS",
    "Apply",
    "Expression",
    "ExpressionError",
    "Formula",
    "Literal",
    "Partial",
    "add",
    "cancel",
    "compute",
    "differentiate",
    "divide",
    "is_call_of",
    "is_name",
    "is_negative",
    "leaves",
    "multiply",
    "names_in",
    "node_count",
    "operands_of",
    "power",
    "read_expression",
    "read_formula",
    "rule_bindings",
    "substitute",
    "walk",
    "with_operands",
]
