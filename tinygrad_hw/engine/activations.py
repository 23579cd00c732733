"""Activations of neural networks: operations beside the table, written as in the table."""

import math
from typing import Any

import numpy as np

from tinygrad_hw.engine.core import numerics
from tinygrad_hw.engine.core.compile_rule import extend_language
from tinygrad_hw.engine.core.operation import Pointwise
from tinygrad_hw.engine.core.ops import exp, maximum, minimum, square

SQRT_2_PI = math.sqrt(2 * math.pi)
_erfc = np.frompyfunc(math.erfc, 1, 1)  # NumPy has none


def stable_softplus(x: Any) -> Any:
    """Return log(1 + exp(x)) without overflow."""
    return numerics.maximum(x, 0.0) + _log1p(numerics.exp(-abs(x)))


def _log1p(x: Any) -> Any:
    """Return log(1 + x) of a float above -1, or of an array."""
    return math.log1p(x) if type(x) is float else np.log1p(x)


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
# fmt: on

ACTIVATIONS = {
    record.name: record for record in (softplus, silu, normal_cdf, gelu, leaky_relu, elu)
}
extend_language(ACTIVATIONS)
