# %% [markdown]
# # Equal weights: a network that hardly learns
#
# Question (a) of the homework has two inputs, three hidden sigmoids and one output, and all its
# weights and biases are 1. It is shipped as a sheet. To evaluate a sheet is to record its forward
# computation; then any derivative can be explained.

# %%
import dataclasses

import numpy as np

from tinygrad_hw import capture, value_and_grad
from tinygrad_hw.explain import explain
from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import read_sheet

sheet = read_sheet(sheet_path("q1a"))
for name, formula in sheet.forward.items():
    print(f"{name} = {formula.source}")
values = sheet.evaluate()
E = values["E"]
E

# %% [markdown]
# Two of its thirteen chains: a short one, and a long one.

# %%
print(explain(E, values["w7"]))
print(explain(E, values["w1"]))

# %% [markdown]
# Read the factors of dE/dw1 from left to right; three of them are small.
#
# - a4 - y = -0.018: the output is 0.982 and shall be 1. That is a small error, so there is not much
#   to learn.
# - a4 (1 - a4) = 0.018: the output neuron is saturated.
# - a1 (1 - a1) = 0.00034: with z1 = 8 the hidden neuron is far more so.
#
# The first is as it should be. The other two are not: they stay small when the answer is wrong. Ask
# for y = 0 instead, and the error is near the largest that there can be. dE/dw1 is still small, and
# by far the smallest factor is the slope of the hidden neuron.

# %%
wrong = dataclasses.replace(sheet, given=sheet.given | {"y": 0.0}).evaluate()
print(explain(wrong["E"], wrong["w1"]))
assert abs(explain(wrong["E"], wrong["w1"]).value) < 1e-4

# %% [markdown]
# ## Steps
#
# What do steps do? Each writes new = old - rate · dE/d… for every parameter. After a thousand of
# them E is a little smaller, thanks to w7, w8, w9 and b4. The weights of the hidden layer have
# changed by less than a ten-thousandth.

# %%
parameters = dict(sheet.parameters)
errors = []
for step in range(1001):
    values = dataclasses.replace(sheet, parameters=parameters).evaluate()
    errors.append(values["E"].data)
    values["E"].backward()
    if step in (0, 1, 10, 100, 1000):
        shown = ", ".join(f"{name} = {parameters[name]:.7f}" for name in ("w1", "w3", "w5", "w7"))
        print(f"after {step:4} steps: E = {errors[-1]:.4e}, {shown}")
    parameters = {name: old - sheet.rate * values[name].grad for name, old in parameters.items()}
assert errors[-1] < errors[0]
assert max(abs(parameters[f"w{k}"] - 1) for k in range(1, 7)) < 1e-4

# %% [markdown]
# ## Copies stay copies
#
# In every line above, w1, w3 and w5 are equal. This is no accident of these numbers. The three
# hidden neurons see the same inputs with the same weights, so their outputs are equal. They feed z4
# with equal weights, so equal gradients come back. An equal step from equal weights leads to equal
# weights again, and the argument starts anew. It does not matter how large the steps are: they are
# equal to the last bit.

# %%
for copies in (("w1", "w3", "w5"), ("w2", "w4", "w6"), ("w7", "w8", "w9"), ("b1", "b2", "b3")):
    print(", ".join(f"{name} = {parameters[name]!r}" for name in copies))
    assert len({parameters[name] for name in copies}) == 1

# %% [markdown]
# So the network is a network of *one* hidden neuron, whose output counts with the weight w7 + w8 +
# w9. For one example that may do. For a task that needs two different neurons, it does not.
#
# The smallest such task is xor, as in the lesson on the perceptron: the answer is 1 where one of
# two inputs is 1, but not both. All four examples are computed at once: x1, x2 and y hold four
# numbers each, and the formulas are the sheet's. Along the direction that one neuron looks in, its
# output can only rise or only fall, and so can what the output neuron makes of it. The best that
# such a network can come near to is 0, ⅔, ⅔, ⅔, or another such pattern, with a mean E of 1/12 =
# 0.0833.

# %%
x1 = np.array([0.0, 0.0, 1.0, 1.0])
x2 = np.array([0.0, 1.0, 0.0, 1.0])
y = np.array([0.0, 1.0, 1.0, 0.0])


def answers(p):
    a1 = (p["w1"] * x1 + p["w2"] * x2 + p["b1"]).sigmoid()
    a2 = (p["w3"] * x1 + p["w4"] * x2 + p["b2"]).sigmoid()
    a3 = (p["w5"] * x1 + p["w6"] * x2 + p["b3"]).sigmoid()
    return (a1 * p["w7"] + a2 * p["w8"] + a3 * p["w9"] + p["b4"]).sigmoid()


def mean_error(p):
    return np.mean((y - answers(p)) ** 2 / 2)


def train(p, steps=1000, rate=5.0):
    # What `capture` does is a later lesson; here it only saves time.
    loss_and_slopes = capture(value_and_grad(mean_error), jit=False)
    for step in range(steps + 1):
        E, slopes = loss_and_slopes(p)
        if step in (0, 10, 100, 300, steps):
            print(f"  after {step:4} steps: E = {E:.5f}")
        p = {name: old - rate * slopes[name] for name, old in p.items()}
    return E, p


random = np.random.default_rng(0)
print("every parameter 1:")
E_equal, equal = train(dict.fromkeys(sheet.parameters, 1.0))
print("drawn at random between -2 and 2:")
E_random, _ = train({name: float(random.uniform(-2, 2)) for name in sheet.parameters})
assert E_equal > 1 / 12 > 50 * E_random
assert equal["w1"] == equal["w3"] == equal["w5"]

# %% [markdown]
# Must the weights be very different? Here w1 = 1.1 and w5 = 0.9, and all else is 1. For a hundred
# steps nothing seems to happen. But meanwhile the neurons grow apart, and then E falls.
#
# It can come too late. With 1.001 and 0.999 the hidden neurons are saturated before they differ by
# much, and thirty thousand steps were not enough when we tried. And being different is no promise:
# some random starts come to rest near E = 1/16.

# %%
nearly = dict.fromkeys(sheet.parameters, 1.0) | {"w1": 1.1, "w5": 0.9}
print("every parameter 1, but w1 = 1.1 and w5 = 0.9:")
E_nearly, p = train(nearly)
for name, others in (("at first", nearly), ("at last", p)):
    print(f"  {name}: " + ", ".join(f"{w} = {others[w]:.3f}" for w in ("w1", "w3", "w5")))
assert E_nearly < 1 / 12

# %% [markdown]
# ## Questions
#
# Two hidden neurons see the same input x = 2 and begin as copies: w1 = w2 = 0.5, v1 = v2 = 1. The
# formulas are those of the sheet below; o should be 0.
#
# 1. What is o?
# 2. What are dE/dv1, dE/dw1 and dE/dw2? One of them needs no work.
# 3. What are w1 and w2 after a step with the rate 0.1? What would they be after a thousand?
#
# [Solutions](solutions/05_equal_weights.md)

# %%
from course import check

check(
    {"o": "", "dE/dv1": "", "dE/dw1": "", "dE/dw2": "", "new w1": "", "new w2": ""},
    """
    [given]
    x = 2
    y = 0
    [parameters]
    w1 = 0.5
    w2 = 0.5
    v1 = 1
    v2 = 1
    [forward]
    a1 = "sigmoid(w1*x)"
    a2 = "sigmoid(w2*x)"
    o = "v1*a1 + v2*a2"
    E = "(y - o)**2 / 2"
    [update]
    loss = "E"
    rate = 0.1
    """,
)
