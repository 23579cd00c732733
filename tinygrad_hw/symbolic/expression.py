"""Read an expression of a sheet: + - * / ** and brackets over names, numbers and a few functions.

The text is parsed with Python's own ``ast`` module and then held against a list of what is allowed;
nothing of it is ever run as Python. An accepted expression becomes a list of instructions for a
stack, so that evaluation does not recurse, however long the expression is.
"""

import ast
import keyword
import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from unicodedata import normalize

from tinygrad_hw.engine import Value, ops
from tinygrad_hw.engine.core.operation import Operation

LONGEST = 10_000  # characters; Python's parser takes memory and stack in proportion to them

FUNCTIONS: dict[str, Operation] = {
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "relu": ops.relu,
    "exp": ops.exp,
    "log": ops.log,
    "ln": ops.log,
    "log10": ops.log10,
    "sqrt": ops.sqrt,
    "softplus": ops.softplus,
    "abs": ops.abs,
    "sin": ops.sin,
    "cos": ops.cos,
    "tan": ops.tan,
    "max": ops.maximum,
    "min": ops.minimum,
}
ARRAY_FUNCTIONS = ("softmax", "sum", "mean", "concat", "conv")  # expanded before a formula is read
CONSTANTS = {"pi": math.pi, "e": math.e}  # where a sheet gives these names to nothing else
OPERATORS: dict[type[ast.AST], Operation] = {
    ast.Add: ops.add,
    ast.Sub: ops.sub,
    ast.Mult: ops.mul,
    ast.Div: ops.div,
    ast.Pow: ops.pow,
    ast.UAdd: ops.pos,
    ast.USub: ops.neg,
}

# What is printed and pasted.
TYPESET = str.maketrans({"^": "**", "−": "-", "×": "*", "·": "*", "⋅": "*"})
_SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")

Instruction = str | float | Operation  # push a named value, push a number, apply to what is on top


PRODUCT = "a product is written with *"


class ExpressionError(ValueError):
    """A text that is not an expression of the sheet language."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A formula of a sheet, read and checked.

    Attributes
    ----------
    source
        The text as it was written; ``^`` is written ``**``.
    names
        The names it uses, each once, in order of appearance.
    instructions
        Operands before operations, for a stack.
    """

    source: str
    names: tuple[str, ...]
    instructions: tuple[Instruction, ...]

    def evaluate(self, values: Mapping[str, Value]) -> Value:
        """Compute with named Values, recording; the result is a node of its own.

        Numbers in the expression become constants, all of them floats.
        """
        stack: list[Any] = []
        for instruction in self.instructions:
            if isinstance(instruction, Operation):
                operands = stack[-instruction.arity :]
                stack[-instruction.arity :] = [instruction(*operands)]
            elif isinstance(instruction, str):
                stack.append(values[instruction])
            else:
                stack.append(Value(instruction, constant=True))
        result: Value = stack.pop()
        alone = len(self.instructions) == 1  # just a name or a number: not a node of its own yet
        own: Value = ops.pos(result) if alone else result
        return own


def read_expression(source: str) -> Expression:
    """Read and check an expression; nothing is computed.

    Raises
    ------
    ExpressionError
        Saying what is not allowed, in words of the sheet and not of Python.
    """
    source, body = syntax_of(source)
    instructions: list[Instruction] = []
    pending: list[ast.expr | Operation] = [body]
    while pending:
        node = pending.pop()
        if isinstance(node, Operation):
            instructions.append(node)
        elif isinstance(node, ast.Name):
            instructions.append(node.id)
        elif isinstance(node, ast.Constant):
            instructions.append(_number(node))
        else:
            operation, operands = _application(node, source)
            pending += [operation, *reversed(operands)]
    names = tuple(dict.fromkeys(part for part in instructions if isinstance(part, str)))
    return Expression(source, names, tuple(instructions))


def syntax_of(source: str) -> tuple[str, ast.expr]:
    """Parse an expression as Python's syntax; return its text, tidied, and its tree.

    Raises
    ------
    ExpressionError
        If it is no expression of Python, or too long.
    """
    source = _SUPERSCRIPT.sub(lambda digits: "**" + normalize("NFKC", digits[0]), source)
    source = " ".join(source.translate(TYPESET).split())
    if not source.isprintable() or "#" in source:
        raise ExpressionError("contains a # or a character that cannot be seen")
    if len(source) > LONGEST:
        raise ExpressionError(f"is {len(source):,} characters long; the limit is {LONGEST:,}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's advice on Python is none on a sheet
            return source, ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ExpressionError(f"is not arithmetic: {_reason(error)}") from None


def is_name(text: str) -> bool:
    """Return whether a text can name a value: no function and no keyword of Python."""
    normal = normalize("NFKC", text) == text  # the parser would read another name
    taken = text in FUNCTIONS or keyword.iskeyword(text)
    return text.isidentifier() and normal and not taken and len(text) <= 100


def _application(node: ast.expr, source: str) -> tuple[Operation, list[ast.expr]]:
    """Return the operation and operands of a syntax node, or raise what is wrong with it."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)], [node.left, node.right]
    if isinstance(node, ast.UnaryOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)], [node.operand]
    if isinstance(node, ast.Call):
        function = node.func.id if isinstance(node.func, ast.Name) else None
        if function not in FUNCTIONS:
            raise unknown_function(node, source)
        operation, operands = FUNCTIONS[function], list(node.args)
        is_plain = not node.keywords and not any(isinstance(x, ast.Starred) for x in operands)
        if operation.arity == 2 and len(operands) > 2:  # max(a, b, c) is max(max(a, b), c)
            operands = [ast.Call(node.func, operands[:-1], []), operands[-1]]
        if not is_plain or len(operands) != operation.arity:
            wanted = "one operand" if operation.arity == 1 else "two operands or more"
            raise ExpressionError(f"gives {function}() something other than {wanted}")
        return operation, operands
    if isinstance(node, ast.Tuple):
        raise ExpressionError(
            f"contains {quote_piece(node, source)}; a decimal point is no comma, and a list has [ ]"
        )
    raise ExpressionError(
        f"contains {quote_piece(node, source)}; allowed are + - * / ** and brackets over names, "
        f"numbers and {', '.join((*FUNCTIONS, *ARRAY_FUNCTIONS))}"
    )


def _number(node: ast.Constant) -> float:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        raise ExpressionError(f"contains {str(node.value)!r:.40}, which is not a number")
    try:
        number = float(node.value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ExpressionError("contains a number too large to compute with")
    return number


def unknown_function(node: ast.Call, source: str) -> ExpressionError:
    """Return the error of a call of what is no function: where it may be a product, with that."""
    name = quote_piece(node.func, source)
    if isinstance(node.func, ast.Name | ast.Attribute):
        known = ", ".join((*FUNCTIONS, *ARRAY_FUNCTIONS))
        may_be_product = isinstance(node.func, ast.Name) and len(node.func.id) < 3
        product = f"; {PRODUCT}" if may_be_product else ""
        return ExpressionError(f"uses {name} as a function; known are {known}{product}")
    return ExpressionError(f"contains {quote_piece(node, source)}; {PRODUCT}")


def quote_piece(node: ast.expr, source: str) -> str:
    """Quote the part of the source that a node stands for, shortened."""
    piece = ast.get_source_segment(source, node) or type(node).__name__
    return repr(piece if len(piece) <= 40 else piece[:37] + "...")


def _reason(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        where = f" at character {error.offset}" if error.offset else ""
        is_product = error.msg == "invalid decimal literal"  # 2w
        return f"{error.msg}{where}{f'; {PRODUCT}' if is_product else ''}"
    if isinstance(error, MemoryError | RecursionError):
        return "it is too long or nested too deeply"
    return str(error)
