# %% [markdown]
# # Gradients that are exactly zero
#
# Question (b) of the homework has the network of (a) with other numbers. Five of its thirteen
# partial derivatives are 0. Not small: 0, with all digits.

# %%
import dataclasses

from tinygrad_hw.explain import explain
from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import read_sheet

sheet = read_sheet(sheet_path("q1b"))
for numbers in (sheet.given, sheet.parameters):
    print(", ".join(f"{name} = {x:g}" for name, x in numbers.items()))


def slopes_of(sheet):
    """Give the derivative of E by each parameter."""
    values = sheet.evaluate()
    values["E"].backward()
    # Python tells 0.0 from -0.0, which a product of 0 and a negative number is; the sum is 0.0.
    return {name: values[name].grad + 0.0 for name in sheet.parameters}


slopes = slopes_of(sheet)
for name, slope in slopes.items():
    print(f"dE/d{name} = {slope:.6g}")
zeros = [name for name, slope in slopes.items() if slope == 0]
print(f"exactly zero: {', '.join(zeros)}")
assert zeros == ["w1", "w3", "w5", "w6", "b3"]

# %% [markdown]
# ## Which factor is it?
#
# A product is 0 if one of its factors is. The chain shows them all. In dE/dw1 it is the last one:
# dz1/dw1 = x1 = 0. The weight w1 is multiplied with nothing, so it may be what it likes, and z1 is
# the same. The same x1 stands in dE/dw3 and dE/dw5.

# %%
values = sheet.evaluate()
E = values["E"]
print(explain(E, values["w1"]))
E

# %% [markdown]
# In dE/dw6 it is one in the middle: dz4/da3 = w9 = 0. The third hidden neuron works, but nobody
# listens to it. So nothing that stands before it can matter: w5, w6 and b3. In dE/dw5 there are two
# zeros.

# %%
print(explain(E, values["w6"]))
print(explain(E, values["w5"]))
for name in zeros:
    [path] = explain(E, values[name]).paths
    print(f"dE/d{name}: zero is {' and '.join(str(x) for x in path if x.value == 0)}")

# %% [markdown]
# Try it. Put any number in the place of w1 and of w6, and E is the same to the last bit; not about
# the same, as it would be with a small derivative.

# %%
for name in ("w1", "w6"):
    for number in (-100.0, 0.0, 3.7):
        other = dataclasses.replace(sheet, parameters=sheet.parameters | {name: number})
        print(f"{name} = {number:6}: E = {other.evaluate()['E'].data!r}")
        assert other.evaluate()["E"].data == E.data

# %% [markdown]
# ## One of the zeros goes away
#
# The two zeros are not alike. x1 is *given*: in this example it will be 0 in every step. w9 is a
# *parameter*: its own derivative is -0.006178, as great as those of w7 and w8, because a3 is as
# great as a1 and a2. So the first step changes w9, and in the second step the third neuron is
# heard.

# %%
print(explain(E, values["w9"]))
now = sheet
for step in (1, 2, 3):
    slopes = slopes_of(now)
    for name in ("w1", "w5", "w6", "b3", "w9"):
        print(f"step {step}: {name} = {now.parameters[name]:.7g}, dE/d{name} = {slopes[name]:.4g}")
    if step == 2:
        second = slopes
    updated = {name: old - now.rate * slopes[name] for name, old in now.parameters.items()}
    now = dataclasses.replace(now, parameters=updated)
assert second["w6"] != 0
assert second["b3"] != 0
assert second["w1"] == second["w3"] == second["w5"] == 0

# %% [markdown]
# At first w6 learns slowly: its derivative has w9 as a factor, and w9 has only begun to grow.
# Compare it with dE/dw2, where w7 = 1 stands in that place.

# %%
ratio = second["w6"] / second["w2"]
print(f"dE/dw6 is {ratio:.2e} of dE/dw2 in the second step")
assert 5e-4 < ratio < 7e-4

# %% [markdown]
# For w1, w3 and w5 only another example can help: one whose x1 is not 0. In the corner of an image
# of a digit there is never any ink. The weights of these pixels stay what they were at the start,
# however long one trains.

# %%
other = dataclasses.replace(sheet, given=sheet.given | {"x1": 1.0})
by_other = slopes_of(other)
print({name: float(f"{by_other[name]:.4g}") for name in ("w1", "w3", "w5")})
assert by_other["w1"] != 0
assert by_other["w3"] != 0
assert by_other["w5"] == 0  # here w9 = 0 still stands in the way

# %% [markdown]
# ## Zero, or no derivative at all?
#
# A zero factor depends on the numbers. It is another thing if there is no path: then the derivative
# is 0 whatever the numbers are. `explain` says which it is.

# %%
print(explain(values["a1"], values["w3"]))
assert explain(values["a1"], values["w3"]).paths == ()

# %% [markdown]
# ## Questions
#
# Two hidden relus: one lets its input through, one is shut. The numbers are in the sheet below.
#
# 1. What are h1, h2 and o?
# 2. Which of the four derivatives are exactly 0? What are the others?
# 3. Question (b) with x1 = 1, as above: how many of its thirteen derivatives are exactly 0?
#
# [Solutions](solutions/06_exact_zeros.md)

# %%
from course import check

check(
    {"h1": "", "h2": "", "o": "", "dE/dw1": "", "dE/dw2": "", "dE/dv1": "", "dE/dv2": ""},
    """
    [given]
    x = 2
    y = 2
    [parameters]
    w1 = 1
    w2 = -1
    v1 = 0.5
    v2 = 3
    [forward]
    h1 = "relu(w1*x)"
    h2 = "relu(w2*x)"
    o = "v1*h1 + v2*h2"
    E = "(y - o)**2 / 2"
    [update]
    loss = "E"
    rate = 0.1
    """,
)
check({"zeros": ""}, {"zeros": sum(slope == 0 for slope in by_other.values())})
