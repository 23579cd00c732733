"""Second derivatives at awkward points: right, or inf or nan, but never a wrong finite number.

The right values are closed forms in 60 digits; at a pole, and outside, no number is right.
"""

import mpmath
import numpy as np
import pytest

from tinygrad_hw.engine import grad, jvp, numpy_api

mp = mpmath.mp.clone()
mp.dps = 60


def _sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def _density(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def _bell(x):
    return _sigmoid(x) * _sigmoid(-x)


SECOND = {
    "reciprocal": lambda x: 2 / x**3,
    "square": lambda x: mp.mpf(2),
    "sqrt": lambda x: -1 / (4 * x * mp.sqrt(x)),
    "cbrt": lambda x: -2 * mp.sign(x) / (9 * mp.cbrt(abs(x)) ** 5),
    "exp": mp.exp,
    "expm1": mp.exp,
    "log": lambda x: -1 / x**2,
    "log2": lambda x: -1 / x**2 / mp.log(2),
    "log10": lambda x: -1 / x**2 / mp.log(10),
    "log1p": lambda x: -1 / (1 + x) ** 2,
    "sin": lambda x: -mp.sin(x),
    "cos": lambda x: -mp.cos(x),
    "tan": lambda x: 2 * mp.sec(x) ** 2 * mp.tan(x),
    "arcsin": lambda x: x / mp.sqrt(1 - x * x) ** 3,
    "arccos": lambda x: -x / mp.sqrt(1 - x * x) ** 3,
    "arctan": lambda x: -2 * x / (1 + x * x) ** 2,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": lambda x: -2 * mp.tanh(x) * mp.sech(x) ** 2,
    "arcsinh": lambda x: -x / mp.sqrt(1 + x * x) ** 3,
    "arccosh": lambda x: -x / mp.sqrt(x * x - 1) ** 3,
    "arctanh": lambda x: 2 * x / (1 - x * x) ** 2,
    "sigmoid": lambda x: _bell(x) * (_sigmoid(-x) - _sigmoid(x)),
    "softplus": _bell,
    "silu": lambda x: _bell(x) * (2 + x * (_sigmoid(-x) - _sigmoid(x))),
    "normal_cdf": lambda x: -x * _density(x),
    "gelu": lambda x: _density(x) * (2 - x * x),
    "abs": lambda x: mp.mpf(0),
    "relu": lambda x: mp.mpf(0),
    "leaky_relu": lambda x: mp.mpf(0),
    "elu": lambda x: mp.exp(x) if x < 0 else mp.mpf(0),
}
AWKWARD = [
    *(0.0, -0.0, 5e-324, -5e-324, 1e-310, 1e-160, -1e-160, 1.0, -1.0, 2.0, 30.0, -30.0),
    *(1 - 2**-53, 2**-53 - 1, 1 + 2**-52, 400.0, -400.0, 800.0, -800.0, 1e30, -1e30, 1e150),
    *(-1e200, 1e308),
]
WAYS = {
    "reverse over reverse": lambda f, x: grad(grad(f))(x),
    "forward over reverse": lambda f, x: jvp(grad(f), x, type(x)(1))[1],
    "reverse over forward": lambda f, x: grad(lambda y: jvp(f, y, type(x)(1))[1])(x),
}


def exactly(second, x):
    """The closed form at x; None where it has a pole or is not real."""
    try:
        value = second(mp.mpf(float(x)))
    except (ZeroDivisionError, ValueError):
        return None
    return None if isinstance(value, mp.mpc) or not mp.isfinite(value) else value


@pytest.mark.parametrize("kind", [float, np.float32])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SECOND)
def test_second_derivative_is_right_or_not_finite(name, way, kind):
    largest, eps = float(np.finfo(kind).max), float(np.finfo(kind).eps)
    points = [kind(x) for x in AWKWARD if abs(x) <= largest]
    with np.errstate(all="ignore"):
        found = [float(WAYS[way](numpy_api.TABLE[name], x)) for x in points]
    for x, number in zip(points, found, strict=True):
        exact = exactly(SECOND[name], x)
        if name == "elu" and x == 0 and number in (0, 1):
            continue  # of either side
        if np.isfinite(number):
            assert exact is not None, (x, number)
            assert abs(mp.mpf(number) - exact) <= 1e4 * eps * (abs(exact) + 1), (x, number, exact)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_curvature_of_a_cube_root_is_infinite_at_zero(sign):
    with np.errstate(all="ignore"):
        for way in WAYS.values():
            assert abs(way(numpy_api.TABLE["cbrt"], sign * 0.0)) == np.inf
