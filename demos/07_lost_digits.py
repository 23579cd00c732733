# %% [markdown]
# # Digits lost in 1 - a1
#
# In question (a) of the homework a1 = σ(8) = 0.99966…, and dE/dw1 has the factor a1 (1 - a1). With
# all digits:

# %%
import math

import numpy as np

from tinygrad_hw.explain import explain
from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import read_sheet

sheet = read_sheet(sheet_path("q1a"))
values = sheet.evaluate()
exact = explain(values["E"], values["w1"])
print(exact)

# %% [markdown]
# The one who did this by hand wrote down a1 in four figures, 0.9997, and went on with that. The
# sheet has the answer: five figures, of which not even the first is right.

# %%
by_hand = sheet.answers.partials["dE/dw1"]
print(f"written: {by_hand.value}, with da1/dz1 = {by_hand.paths[0]['da1/dz1']}")
print(f"0.9997 × (1 - 0.9997) = {0.9997 * (1 - 0.9997):.7f}")
off = float(by_hand.value) / exact.value - 1
print(f"exact: {exact.value:.5g}; what is written is off by {off:.1%}")
assert -0.11 < off < -0.10

# %% [markdown]
# ## Where they went
#
# 0.9997 is an excellent value for a1: it is off by 0.0035 per cent. The subtraction does not make
# the error larger. But it makes the *number* three thousand times smaller, and the same error
# beside a small number is a large part of it.

# %%
a1 = values["a1"].data
for name, right, rounded in (("a1", a1, 0.9997), ("1 - a1", 1 - a1, 1 - 0.9997)):
    error = rounded - right
    print(
        f"{name:>6}: {right:.8f}, rounded {rounded:.4f}, off by {error:+.1e}: {error / right:+.4%}"
    )

# %% [markdown]
# Seen in digits: the 9s at the front of 0.9997 are lost in the subtraction, and from four figures
# one is left, the 3 of 0.0003.
#
# ## What is harmless
#
# Is it then wrong to round at all? No. Rounding the factors *after* the subtraction, each to four
# figures, costs about as much in the product as in each factor. That is what `printed=True` shows:
# the factors are multiplied as they are printed.

# %%
printed = explain(values["E"], values["w1"], printed=True)
print(printed)
off_printed = printed.result / exact.value - 1
print(f"off by {off_printed:.3%}")
assert abs(off_printed) < 5e-4

# %% [markdown]
# It is the order that counts: 1 - a1 rounded to four figures is 0.0003354; 1 minus a1 rounded to
# four figures is 0.0003.
#
# ## How many figures to carry
#
# With d decimals of a1, 1 - a1 is off by up to half a unit of the last, 0.5 · 10⁻ᵈ, and it is
# 0.000335. So every nine at the front of a1 costs one figure. There are three: who wants four good
# figures of 1 - a1 carries seven figures of a1. dE/dw1 by that many:

# %%
x1, a4, y = (values[name].data for name in ("x1", "a4", "y"))


def slope_with(a1):
    """Give dE/dw1 with another a1; w7 is 1."""
    return (a4 - y) * a4 * (1 - a4) * a1 * (1 - a1) * x1 + 0.0  # 0.0 instead of -0.0


print(f"{'a1':>12} {'1 - a1':>12} {'dE/dw1':>12} {'off by':>10} {'at most':>10}")
for decimals in range(3, 11):
    rounded = round(a1, decimals)
    off = slope_with(rounded) / exact.value - 1
    most = 0.5 * 10.0**-decimals / (1 - a1)
    print(
        f"{rounded:12.{decimals}f} {1 - rounded:12.{decimals}f} {slope_with(rounded):12.4e} "
        f"{off:10.4%} {most:10.4%}"
    )
    assert abs(off) <= most
assert slope_with(round(a1, 3)) == 0  # a1 is 1.000, and nothing is left to learn from

# %% [markdown]
# ## Or not to subtract
#
# 1 - σ(z) is σ(-z). Computed so, 1 - a1 is e⁻⁸ / (1 + e⁻⁸): four figures of e⁻⁸ give four figures
# of the result, and no nine has to be carried. It is what the engine does.

# %%
e = 3.355e-4  # e⁻⁸ in four figures
print(f"e⁻⁸ / (1 + e⁻⁸) = {e / (1 + e):.4g}, exact {1 / (1 + math.exp(8)):.4g}")
without = slope_with(0.9997) / (1 - 0.9997) * (e / (1 + e))
print(f"dE/dw1 = {without:.4g}, off by {without / exact.value - 1:.3%}")
assert abs(without / exact.value - 1) < 5e-4

# %% [markdown]
# ## The same in a machine
#
# A machine, too, carries a fixed number of figures: float32, in which networks are trained, about
# seven. There it happens at z = 17: a rounds to 1, 1 - a to 0, and the neuron gets no gradient any
# more.

# %%
for z in (8, 12, 16, 17):
    z32 = np.float32(z)
    a = 1 / (1 + np.exp(-z32))
    stable = 1 / (1 + np.exp(z32))
    print(f"z = {z:2}, in {a.dtype}: 1 - a = {1 - a:.4e}, σ(-z) = {stable:.4e}")
assert 1 - a == 0 < stable

# %% [markdown]
# ## Questions
#
# The same neuron at z = 6, with a calculator.
#
# 1. What is a, in as many figures as you will need for the next one?
# 2. What is 1 - a in four figures?
# 3. How many figures of a does one have to carry for that?
#
# [Solutions](solutions/07_lost_digits.md)

# %%
import re

from course import check

check(
    {"a": "", "rest": ""},
    """
    [parameters]
    z = 6
    [forward]
    a = "sigmoid(z)"
    rest = "1 - a"
    [rounding]
    figures = 4
    [update]
    loss = "rest"
    rate = 0.1
    """,
)
nines = re.match(r"0\.(9*)", f"{1 / (1 + math.exp(-6)):.12f}")[1]
check({"figures": ""}, {"figures": len(nines) + 4})
