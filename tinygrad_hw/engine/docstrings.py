"""Docstrings and signatures of operations, and of the methods that call them.

Both follow from an operation's record. Here is the text that a record does not have: a sentence for
each operation, a phrase for each attribute.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from tinygrad_hw.engine.composite import Composite
from tinygrad_hw.engine.core.operation import ANY_NUMBER, Operation

SENTENCES = {
    "add": "Return x + y, element by element.",
    "sub": "Return x - y, element by element.",
    "mul": "Return x · y, element by element.",
    "div": "Return x / y, element by element.",
    "neg": "Return -x, element by element.",
    "pos": "Return x as it is.",
    "reciprocal": "Return 1 / x, element by element.",
    "square": "Return the square of each element.",
    "pow": "Return x to the power of y, element by element; nan where it is not real.",
    "exp": "Return the exponential of each element.",
    "expm1": "Return exp(x) - 1 of each element, exact near 0.",
    "log": "Return the natural logarithm of each element.",
    "log1p": "Return log(1 + x) of each element, exact near 0.",
    "log2": "Return the logarithm to base 2 of each element.",
    "log10": "Return the logarithm to base 10 of each element.",
    "sqrt": "Return the square root of each element.",
    "cbrt": "Return the cube root of each element.",
    "abs": "Return the absolute value of each element; its derivative at 0 is 0.",
    "sign": "Return -1, 0 or 1, the sign of each element; its derivative is 0.",
    "sin": "Return the sine of each element, an angle in radians.",
    "cos": "Return the cosine of each element, an angle in radians.",
    "tan": "Return the tangent of each element, an angle in radians.",
    "arcsin": "Return the angle in radians, -π/2 to π/2, of which each element is the sine.",
    "arccos": "Return the angle in radians, 0 to π, of which each element is the cosine.",
    "arctan": "Return the angle in radians, -π/2 to π/2, of which each element is the tangent.",
    "sinh": "Return the hyperbolic sine of each element.",
    "cosh": "Return the hyperbolic cosine of each element.",
    "tanh": "Return the hyperbolic tangent of each element.",
    "arcsinh": "Return the inverse hyperbolic sine of each element.",
    "arccosh": "Return the inverse hyperbolic cosine of each element.",
    "arctanh": "Return the inverse hyperbolic tangent of each element.",
    "sigmoid": "Return the sigmoid 1 / (1 + exp(-x)) of each element, stable for large ``|x|``.",
    "softplus": "Return log(1 + exp(x)) of each element, stable for large ``|x|``.",
    "silu": "Return x · sigmoid(x) of each element: SiLU, or swish.",
    "normal_cdf": "Return the standard normal distribution function Φ(x) of each element.",
    "gelu": "Return x · Φ(x) of each element: GELU, by the normal distribution function Φ.",
    "relu": "Return max(x, 0) of each element; its derivative at 0 is 0.",
    "leaky_relu": "Return each element, those below 0 multiplied by a small slope.",
    "elu": "Return each element, those below 0 as alpha · (exp(x) - 1).",
    "affine": "Return w1·x1 + w2·x2 + … + b, given as w1, w2, …, x1, x2, …, b.",
    "maximum": "Return the larger of x and y, element by element; a tie shares the gradient.",
    "minimum": "Return the smaller of x and y, element by element; a tie shares the gradient.",
    "hypot": "Return sqrt(x² + y²), element by element, without overflow.",
    "arctan2": "Return the angle in radians, -π to π, of the point (y, x), element by element.",
    "logaddexp": "Return log(exp(x) + exp(y)), element by element, without overflow.",
    "where": "Return the elements of x where the condition holds, else those of y.",
    "max": "Return the largest element along an axis; equals share the gradient.",
    "min": "Return the smallest element along an axis; equals share the gradient.",
    "var": "Return the variance along an axis: the mean of the squared deviations.",
    "norm": "Return the length of a vector, or of the vectors along an axis.",
    "half_squared_norm": "Return half the sum of the squares along an axis.",
    "logsumexp": "Return log(sum(exp(x))) along an axis, without overflow.",
    "sum": "Return the sum of the elements along an axis.",
    "mean": "Return the mean of the elements along an axis.",
    "cumsum": "Return the cumulative sum of the elements along an axis.",
    "broadcast_to": "Return x repeated to a shape that it broadcasts to.",
    "reshape": "Return the same elements in another shape.",
    "transpose": "Return the dimensions in another order; reversed where none is given.",
    "astype": "Return the same numbers in another floating dtype.",
    "triu": "Return a copy with 0 below the k-th diagonal.",
    "tril": "Return a copy with 0 above the k-th diagonal.",
    "flip": "Return the elements in reverse order along an axis.",
    "roll": "Return the elements shifted along an axis; what leaves one end enters at the other.",
    "getitem": "Return the elements at an index, a slice or a mask.",
    "scatter": "Return zeros of a shape with x added at an index: the transpose of indexing.",
    "matmul": "Return the matrix product x @ y.",
    "einsum": "Return Einstein's sum of products over the indices that the subscripts name.",
    "concatenate": "Return arrays joined along an axis that they have.",
    "take": "Return the elements at the indices along an axis.",
    "take_along_axis": "Return the elements at an array of indices along an axis.",
    "repeat": "Return each element repeated, along an axis.",
    "tile": "Return copies of x side by side, ``reps`` of them along each axis.",
    "diagonal": "Return the diagonal of the matrices in two axes.",
    "pad": "Return x with copies of its elements added at the ends of each axis.",
    "windows": "Return the windows of images: (n, down, across, rows, columns, channels).",
    "fold": "Return images with windows added where they came from: the transpose of windows.",
    "max_pool": "Return the maximum of each window of images; equals share the gradient.",
    "max_unpool": "Return images with each number at the maximum of its window of another image.",
    "max_pick": "Return the number at the maximum of each window of another image.",
    "floor": "Return the largest whole number not above each element; its derivative is 0.",
    "ceil": "Return the smallest whole number not below each element; its derivative is 0.",
    "trunc": "Return each element without its fraction; its derivative is 0.",
    "rint": "Return the nearest whole number, of two the even one; its derivative is 0.",
    "floor_divide": "Return x / y rounded down; its derivative is 0.",
    "remainder": "Return x less y · floor(x / y): what remains has the sign of y.",
    "fmod": "Return x less y · trunc(x / y): what remains has the sign of x.",
    "heaviside": "Return 0 below 0, 1 above 0, and y where x is 0.",
    "exp2": "Return 2 to the power of each element.",
    "logaddexp2": "Return log2(2**x + 2**y), element by element, without overflow.",
    "copysign": "Return the absolute value of x with the sign of y.",
    "fmax": "Return the larger of x and y, or the one that is no nan; a tie shares the gradient.",
    "fmin": "Return the smaller of x and y, or the one that is no nan; a tie shares the gradient.",
    "softmax": "Return exp(x) / sum(exp(x)) along an axis, without overflow.",
    "log_softmax": "Return the logarithm of the softmax along an axis, without overflow.",
    "std": "Return the standard deviation along an axis: the root of the variance.",
    "prod": "Return the product of the elements along an axis; exact with zeros.",
    "clip": "Return each element, limited to two bounds.",
}

ATTRIBUTES = {
    "axis": "Axis, or axes, to work along; None for the whole array.",
    "keepdims": "Whether the reduced axes are left in the result with length 1.",
    "ddof": "Delta degrees of freedom: the divisor is n - ddof.",
    "ord": "Order of the norm: 2 for the Euclidean length.",
    "shape": "Shape of the result.",
    "order": "'C' or 'F': in which order the elements are read.",
    "axes": "New order of the dimensions.",
    "dtype": "A floating dtype; ``float`` makes a scalar one of Python's numbers.",
    "k": "Which diagonal: 0 for the main one, above 0 those to its right.",
    "shift": "Number of places to shift by.",
    "index": "An index as NumPy takes it: integers, slices, masks, arrays of integers.",
    "subscripts": "The subscripts, as NumPy writes them: 'ij,jk->ik'.",
    "starts": "Offset of each operand along the axis, then the end of the last one.",
    "indices": "Indices of the elements: integers.",
    "repeats": "Number of repetitions: one number, or one for each element.",
    "reps": "Number of repetitions along each axis.",
    "offset": "Which diagonal: 0 for the main one.",
    "axis1": "First axis of the matrices.",
    "axis2": "Second axis of the matrices.",
    "pad_width": "Numbers of elements to add before and after, for each axis.",
    "mode": "How to pad: 'edge', 'reflect', 'symmetric' or 'wrap'.",
    "size": "Rows and columns of a window.",
    "strides": "How far windows move, down and across.",
    "like": "The images whose maxima are looked for: an array.",
    "maxima": "Their maximum in each window: an array.",
    "negative_slope": "Factor of elements below 0.",
    "alpha": "Factor of elements below 0.",
    "condition": "A boolean, or an array of them.",
    "a_min": "Lower bound, or None.",
    "a_max": "Upper bound, or None.",
    "min": "Lower bound under its other name.",
    "max": "Upper bound under its other name.",
}


def document(operation: Operation) -> None:
    """Give an operation the docstring and the signature that follow from its record."""
    kinds = inspect.Parameter
    any_number = operation.arity == ANY_NUMBER
    names = ["x"] if any_number else operation.operand_names()
    operand_kind = kinds.VAR_POSITIONAL if any_number else kinds.POSITIONAL_OR_KEYWORD
    option_kind = kinds.KEYWORD_ONLY if any_number else kinds.POSITIONAL_OR_KEYWORD
    parameters = [
        *[inspect.Parameter(name, operand_kind, annotation="Value | ArrayLike") for name in names],
        *[
            inspect.Parameter(name, option_kind, default=default, annotation=_kind_of(default))
            for name, default in operation.defaults.items()
        ],
    ]
    operation.__signature__ = inspect.Signature(parameters, return_annotation="Value | Array")
    operation.__doc__ = docstring(operation)


def docstring(operation: Operation) -> str:
    """Return the docstring of an operation: a sentence, its derivatives, its attributes."""
    lines = [SENTENCES.get(operation.name, f"Compute {operation.name}."), ""]
    if operation.numpy is not None:
        lines += [f"Stands for ``np.{operation.numpy.__name__}``."]
    if isinstance(operation, Composite):
        lines += ["Written with other operations, in a group of its name."]
    elif operation.formulas and operation.first_parameter == "upstream":
        lines += [f"Sends back {_listed(operation.formulas)}."]
    elif operation.formulas:
        lines += [f"Its derivative is {_listed(operation.formulas)}."]
    if operation.defaults:
        lines += ["", "Parameters", "----------"]
        for name in operation.defaults:
            lines += [name, f"    {ATTRIBUTES.get(name, 'An attribute.')}"]
    return "\n".join(lines) + "\n"


def document_method(method: Callable[..., Any], function: Callable[..., Any]) -> None:
    """Give a method of Value the docstring and the signature of the function that it calls."""
    signature = inspect.signature(function)
    first, *others = signature.parameters.values()
    parameters = [
        first.replace(name="self", annotation=inspect.Parameter.empty),
        *others,
    ]
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=parameters, return_annotation="Value"
    )
    method.__doc__ = function.__doc__


def _listed(formulas: tuple[str, ...]) -> str:
    if len(formulas) == 1:
        return f"``{formulas[0]}``"
    by_operand = zip(formulas, "xyz"[: len(formulas)], strict=True)
    return ", ".join([f"``{formula}`` by {operand}" for formula, operand in by_operand])


def _kind_of(default: Any) -> str:
    if isinstance(default, bool | int | float | str):
        return type(default).__name__
    return "Any"
