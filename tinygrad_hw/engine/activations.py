"""Operations of neural networks beside the table, written as in the table."""

import math
import operator
from typing import Any

import numpy as np

from tinygrad_hw.engine.core import numerics
from tinygrad_hw.engine.core.compile_rule import extend_language
from tinygrad_hw.engine.core.operation import ANY_NUMBER, Pointwise
from tinygrad_hw.engine.core.ops import REDUCTION, exp, maximum, minimum, square

SQRT_2_PI = math.sqrt(2 * math.pi)
_erfc = np.frompyfunc(math.erfc, 1, 1)  # NumPy has none


def stable_softplus(x: Any) -> Any:
    """Return log(1 + exp(x)) without overflow."""
    return numerics.maximum(x, 0.0) + _log1p(numerics.exp(-abs(x)))


def _log1p(x: Any) -> Any:
    """Return log(1 + x) of a float above -1, or of an array."""
    return math.log1p(x) if type(x) is float else np.log1p(x)


def weighted_sum(*x: Any) -> Any:
    """Return w1·x1 + w2·x2 + … + b of w1, w2, …, x1, x2, …, b, as a neuron does."""
    half = len(x) // 2
    if len(x) != 2 * half + 1:
        raise ValueError(f"{len(x)} operands are not as many weights as inputs, and a bias")
    return sum(map(operator.mul, x[:half], x[half:-1]), x[-1])


def stable_logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    """Return log(sum(exp(x))), shifted by the maximum so that nothing overflows."""
    top = np.maximum.reduce(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    out = np.log(np.add.reduce(np.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdims else np.squeeze(out, axis=axis)


def gaussian_cdf(x: Any) -> Any:
    """Return Φ(x) = erfc(-x / √2) / 2, by the C library's erfc, since NumPy has none."""
    if type(x) is float:
        return 0.5 * math.erfc(-x * math.sqrt(0.5))
    cdf, kind = 0.5 * _erfc(-x * math.sqrt(0.5)), np.result_type(x)
    return kind.type(cdf) if isinstance(cdf, float) else cdf.astype(kind)


def normal_pdf(x: Any) -> Any:
    """Return the normal density exp(-x²/2) / √2π, which is 0 long before |x| = 40."""
    return exp(-0.5 * square(maximum(minimum(x, 40.0), -40.0))) / SQRT_2_PI


extend_language({"normal_pdf": normal_pdf})

# fmt: off
normal_cdf = Pointwise("normal_cdf", gaussian_cdf, "normal_pdf(x)",
                       shown="exp(-x**2 / 2) / sqrt(2 * pi)", symbol="Φ")
extend_language({"normal_cdf": normal_cdf})
softplus = Pointwise("softplus", stable_softplus, "sigmoid(x)",
                     shown="exp(x) / (1 + exp(x))")
silu = Pointwise("silu", lambda x: x * numerics.stable_sigmoid(x),
                 "sigmoid(x) * (1 + x * sigmoid(-x))",
                 shown="(1 + exp(-x) + x * exp(-x)) / (1 + exp(-x))**2")
gelu = Pointwise("gelu", lambda x: x * gaussian_cdf(x),
                 "normal_cdf(x) + x * normal_pdf(x)",
                 shown="normal_cdf(x) + x * exp(-x**2 / 2) / sqrt(2 * pi)")
leaky_relu = Pointwise("leaky_relu",
                       lambda x, negative_slope: numerics.where(x > 0, x, negative_slope * x),
                       "where(x > 0, 1.0, negative_slope)", symbol="leaky relu",
                       defaults={"negative_slope": 0.01})
elu = Pointwise("elu", lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0))),
                "where(x > 0, 1.0, alpha * exp(where(x > 0, 0.0, x)))",
                shown="where(x > 0, 1, alpha * exp(x))", defaults={"alpha": 1.0})
# The operands are w1, …, wn, x1, …, xn, b: by a weight the derivative is its input, and back.
affine = Pointwise("affine", weighted_sum,
                   "1 if position == len(x) - 1 else x[(position + len(x) // 2) % (len(x) - 1)]",
                   symbol="Σ w·x + b", arity=ANY_NUMBER)
logsumexp = Pointwise("logsumexp", stable_logsumexp, "exp(x - out)",
                      shown="exp(x) / exp(out)", symbol="logΣexp", defaults=REDUCTION)
# fmt: on

ACTIVATIONS = {
    record.name: record
    for record in (softplus, silu, normal_cdf, gelu, leaky_relu, elu, affine, logsumexp)
}
extend_language(ACTIVATIONS)
