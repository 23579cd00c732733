# %% [markdown]
# # Checking a derivative by trying
#
# Who has derived a gradient by hand wants to know whether it is right. There is a way that needs no
# calculus: move the number a little, and see by how much the result moves.
#
# Here is one neuron and its error, first in plain Python, then with a `Value`.

# %%
import cmath
import math

import numpy as np

from tinygrad_hw import Value, gradcheck
from tinygrad_hw.engine import GradientError, Pointwise


def error(w: float) -> float:
    a = 1 / (1 + math.exp(-(2 * w - 0.3)))
    return (1 - a) ** 2 / 2


def error_of_value(w):
    a = (2 * w - 0.3).sigmoid()
    return (1 - a) ** 2 / 2


w = Value(0.5, label="w")
error_of_value(w).backward()
slope = w.grad
h = 1e-3
print(f"backward:   {slope:.12f}")
print(f"one side:   {(error(0.5 + h) - error(0.5)) / h:.12f}")
print(f"both sides: {(error(0.5 + h) - error(0.5 - h)) / (2 * h):.12f}")

# %% [markdown]
# Stepping to both sides is much better than stepping to one, and here it costs as much: two calls.
# The *forward* difference (f(x + h) - f(x)) / h is wrong by about h/2 · f″(x). In the *central*
# one, (f(x + h) - f(x - h)) / 2h, the two errors of this kind cancel; about h²/6 · f‴(x) is left.
#
# So the smaller h, the better? Try all powers of ten.

# %%
print(f"{'h':>6} {'forward':>9} {'central':>9}")
forward, central = {}, {}
for power in range(1, 16):
    h = 10.0**-power
    forward[power] = abs((error(0.5 + h) - error(0.5)) / h / slope - 1)
    central[power] = abs((error(0.5 + h) - error(0.5 - h)) / (2 * h) / slope - 1)
    bar = "█" * (14 + round(math.log10(max(central[power], 1e-14))))
    print(f"1e-{power:02} {forward[power]:9.1e} {central[power]:9.1e} {bar}")

# %% [markdown]
# The error falls, turns round, and grows again: a curve like a U. With large steps the formula is
# wrong, with small ones the numbers are. f(x + h) and f(x - h) are rounded to sixteen digits; the
# smaller h, the more of these digits they share, and what the subtraction leaves is rounding. That
# error is about 1e-16 / h.
#
# The two errors meet where they are alike. Forward: h = 1e-16 / h, so h = 1e-8, with eight digits
# right at best. Central: h² = 1e-16 / h, so h is near 5e-6, with ten or eleven. Nobody can have
# sixteen digits in this way. A difference of 1e-10 between a gradient and such a slope is no
# mistake.

# %%
best_forward, best_central = min(forward, key=forward.get), min(central, key=central.get)
print(f"best forward: h = 1e-{best_forward}, error {forward[best_forward]:.0e}")
print(f"best central: h = 1e-{best_central}, error {central[best_central]:.0e}")
assert 7 <= best_forward <= 9
assert 4 <= best_central <= 6
assert forward[1] > 10 * central[1]
assert central[15] > 1e-3

# %% [markdown]
# ## A step without a subtraction
#
# For a formula that also works with complex numbers there is a trick. Step to the side, into the
# imaginary direction: f(x + ih) = f(x) + ih f′(x) + …, so the imaginary part divided by h is the
# derivative. Nothing is subtracted, and h may be as small as one likes. It needs a function that is
# written for complex numbers; this engine takes real ones only.


# %%
def complex_error(w: complex) -> complex:
    a = 1 / (1 + cmath.exp(-(2 * w - 0.3)))
    return (1 - a) ** 2 / 2


for h in (1e-3, 1e-8, 1e-20, 1e-100):
    by_complex_step = complex_error(0.5 + 1j * h).imag / h
    print(f"h = {h:g}: {by_complex_step:.16f}, relative error {by_complex_step / slope - 1:.0e}")
assert math.isclose(by_complex_step, slope, rel_tol=1e-15)

# %% [markdown]
# ## gradcheck
#
# `gradcheck` takes central differences in every element of every argument and compares. It gives
# the largest difference that it has seen. With `order=2` it checks the second derivatives too.


# %%
def layer_error(x, W, b, y):
    return np.mean((np.tanh(x @ W + b) - y) ** 2)


random = np.random.default_rng(0)
points = [random.normal(size=shape) for shape in ((4, 2), (2, 3), (3,), (4, 3))]
worst = gradcheck(layer_error, *points, order=2)
print(f"{sum(point.size for point in points)} slopes, and how they change: within {worst:.0e}")
assert worst < 1e-7

# %% [markdown]
# Where a derivative is wrong it says so, with the argument and both numbers. Here somebody believes
# that the derivative of tanh is 1 - x²: it is 1 - out².

# %%
wrong_tanh = Pointwise("wrong_tanh", np.tanh, "1 - x**2")
try:
    gradcheck(wrong_tanh, 0.5)
except GradientError as mistake:
    print(mistake)
else:
    raise AssertionError("a mistake was not noticed")

# %% [markdown]
# Near 0, tanh(x) is nearly x, and the two formulas are nearly the same. At 0.1 they differ by less
# than a ten-thousandth, and at 0 the mistake is not to be seen at all. Check at several points, and
# not at round ones, where wrong formulas like to be right.

# %%
difference = (1 - 0.1**2) - (1 - math.tanh(0.1) ** 2)
print(f"at 0.1: {difference:.1e}, at 0: {gradcheck(wrong_tanh, 0.0):.0e}")
assert abs(difference) < 1e-4

# %% [markdown]
# And it says so where there is no derivative: relu has a corner at 0. From the right its slope is
# 1, from the left 0, the central difference is 0.5, and the engine has decided for 0. Nobody is
# right.

# %%
try:
    gradcheck(lambda x: x.relu(), 0.0)
except GradientError as corner:
    print(corner)
print(f"beside the corner: {gradcheck(lambda x: x.relu(), [-0.1, 0.1]):.0e}")

# %% [markdown]
# ## Questions
#
# f(x) = x³ at x = 2, tried with h = 0.1. Use all the digits that you get: they are few.
#
# 1. What do the forward and the central difference give, and what is df/dx?
# 2. Guess before you compute: what do they give with half the step? Which error is halved, which
#    becomes a quarter?
#
# [Solutions](solutions/11_checking.md)

# %%
from course import check

check(
    {"forward": "", "central": "", "df/dx": "", "forward_half": "", "central_half": ""},
    """
    [given]
    h = 0.1
    k = 0.05
    [parameters]
    x = 2
    [forward]
    f = "x**3"
    forward = "((x + h)**3 - x**3) / h"
    central = "((x + h)**3 - (x - h)**3) / (2*h)"
    forward_half = "((x + k)**3 - x**3) / k"
    central_half = "((x + k)**3 - (x - k)**3) / (2*k)"
    [update]
    loss = "f"
    rate = 0.1
    """,
)
