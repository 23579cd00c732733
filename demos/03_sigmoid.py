# %% [markdown]
# # The sigmoid, and the digits of its derivative
#
# The sigmoid σ(z) = 1 / (1 + e⁻ᶻ) turns any number into one between 0 and 1. Its derivative is said
# to be a (1 - a), where a = σ(z). Where does that come from?
#
# Take the formula apart. With e = e⁻ᶻ and d = 1 + e, a = 1/d, and the chain rule has three factors:
# da/dd = -1/d², dd/de = 1, de/dz = -e.

# %%
import math
from decimal import Decimal, getcontext

import numpy as np

from tinygrad_hw import Value, grad
from tinygrad_hw.explain import explain

z = Value(0.8, label="z")
e = np.exp(-z)
e.label = "e"
d = 1 + e
d.label = "d"
a = 1 / d
a.label = "a"
by_parts = explain(a, z)
print(by_parts)
a

# %% [markdown]
# The product is e / d². One of the two d belongs below the 1, the other below the e:
#
#     e / d² = 1/d · e/d = 1/d · (d - 1)/d = a (1 - a)
#
# The engine has the sigmoid as one operation, whose derivative is shown in this form.

# %%
z = Value(0.8, label="z")
a = z.sigmoid()
a.label = "a"
whole = explain(a, z)
print(whole)
assert math.isclose(by_parts.value, whole.value, rel_tol=1e-15)
assert math.isclose(whole.value, a.data * (1 - a.data), rel_tol=1e-15)

# %% [markdown]
# ## At most a quarter
#
# The derivative is a product of two numbers whose sum is 1. It is largest where they are equal: 1/4
# at z = 0. To both sides it falls, soon by a factor of 2.718 for each step of 1 in z. A neuron far
# out is *saturated*: whatever gradient arrives, it hands on next to nothing.

# %%
slope = grad(lambda z: z.sigmoid())
for at in (0.0, 1.0, 2.0, 4.0, 6.0, 8.0):
    bar = "█" * round(160 * slope(at))
    print(f"z = {at:g}: a = {1 / (1 + math.exp(-at)):.6f}, da/dz = {slope(at):.6f} {bar}")
assert slope(0.0) == 0.25
assert math.isclose(slope(8.0) / slope(9.0), math.e, rel_tol=1e-3)

# %% [markdown]
# ## What 1 - a loses
#
# By hand one computes a first and then 1 - a. Near a = 1 this is a subtraction of two numbers that
# are almost equal: their common digits go away, and what stays is the end of a, where it was
# rounded. At z = 37, a rounds to 1 in sixteen digits, and a (1 - a) is 0.
#
# There is another way to write the same number. 1 - σ(z) is e⁻ᶻ / (1 + e⁻ᶻ) = σ(-z). So the
# derivative is σ(z) σ(-z), in which nothing is subtracted. It is the form that the engine computes
# with; a (1 - a) is what it shows. Fifty digits of `Decimal` say who is right.

# %%
getcontext().prec = 50


def exact_slope(z: float) -> Decimal:
    e = Decimal(-z).exp()
    return e / (1 + e) ** 2


def relative_error(x: float, exact: Decimal) -> float:
    return abs(float(Decimal(x) / exact - 1))


print(f"{'z':>4} {'exact':>14} {'a (1 - a)':>14} {'error':>7} {'engine':>14} {'error':>7}")
for at in (0.0, 4.0, 8.0, 16.0, 24.0, 32.0, 36.0, 37.0, 40.0):
    a = 1 / (1 + math.exp(-at))
    exact, by_hand, engine = exact_slope(at), a * (1 - a), slope(at)
    by_hand_error, engine_error = relative_error(by_hand, exact), relative_error(engine, exact)
    print(
        f"{at:4g} {float(exact):14.8e} {by_hand:14.8e} {by_hand_error:7.0e} {engine:14.8e} "
        f"{engine_error:7.0e}"
    )
    assert engine_error < 1e-15
assert by_hand_error == 1  # at z = 40 nothing is left

# %% [markdown]
# So a printed a (1 - a) is right as a formula and may be wrong as a recipe. With four digits
# instead of sixteen the same thing happens long before z = 37; see the lesson on lost digits.

# %% [markdown]
# ## Questions
#
# One neuron with its error: a = σ(z) and E = (1 - a)² / 2, at z = -1.2.
#
# 1. What are a and E?
# 2. What are the two factors of dE/dz, and what is dE/dz?
# 3. What is z after a step of gradient descent with the rate 2?
# 4. How many times as large is the slope of the sigmoid at 0 as at 4?
#
# [Solutions](solutions/03_sigmoid.md)

# %%
from course import check

check(
    {"a": "", "E": "", "dE/da": "", "da/dz": "", "dE/dz": "", "new z": ""},
    """
    [parameters]
    z = -1.2
    [forward]
    a = "sigmoid(z)"
    E = "(1 - a)**2 / 2"
    [update]
    loss = "E"
    rate = 2
    """,
)
check({"times": ""}, {"times": slope(0.0) / slope(4.0)})
