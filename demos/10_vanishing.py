# %% [markdown]
# # Vanishing gradients, seen as color
#
# Put one neuron behind another, many times. Going backwards, the gradient passes through every one
# of them, and each multiplies it with w · σ'(z). The slope σ' is at most a quarter. So with weights
# of about 1, each layer takes away three quarters or more.

# %%
import tempfile
from pathlib import Path

from tinygrad_hw import Value
from tinygrad_hw.explain import draw, explain


def deep(activation, numbers, b=0.0, x=1.0):
    """Give the loss of neurons in a row, each with one input, and their weights."""
    a = Value(x, label="x", constant=True)
    weights = [Value(w, label=f"w{k}") for k, w in enumerate(numbers, start=1)]
    for k, w in enumerate(weights, start=1):
        z = w * a + b
        z.label = f"z{k}"
        a = activation(z)
        a.label = f"a{k}"
    E = a**2 / 2
    E.label = "E"
    return E, weights


E, weights = deep(Value.sigmoid, [1.0] * 5)
print(explain(E, weights[0]))

# %% [markdown]
# In the picture of it, the darker a row, the larger its gradient; the legend says how large the
# palest and the darkest are. The scale is logarithmic: an equal step in color is an equal factor.
# Color fades in even steps from right to left, so the gradient falls by about the same factor in
# each layer. A notebook shows the picture; a script cannot, so it is saved in a temporary folder
# too, for a browser to open.

# %%
E.backward()
for weight in weights:
    print(f"dE/d{weight.label} = {weight.grad:.6f} {'█' * round(600 * weight.grad)}")

# %% tags=["remove-output"]
folder = Path(tempfile.mkdtemp())
draw(E, folder / "vanishing.svg", title="Five sigmoids in a row")
print(f"picture: {folder / 'vanishing.svg'}")

# %%
E

# %% [markdown]
# ## Ten layers, three activations
#
# tanh has the slope 1 in the middle, four times that of the sigmoid, and less outside. relu has the
# slope 1 wherever it lets anything pass. On the same ten weights of 1:


# %%
def magnitudes(activation, numbers, **others):
    E, weights = deep(activation, numbers, **others)
    E.backward()
    return [abs(weight.grad) for weight in weights]


table = {
    "sigmoid": magnitudes(Value.sigmoid, [1.0] * 10),
    "tanh": magnitudes(Value.tanh, [1.0] * 10),
    "relu": magnitudes(Value.relu, [1.0] * 10),
}
print("layer" + "".join(f"{name:>12}" for name in table))
for k, row in enumerate(zip(*table.values(), strict=True), start=1):
    print(f"{k:5}" + "".join(f"{size:12.2e}" for size in row))
for name, sizes in table.items():
    print(f"{name}: the first layer gets {sizes[0] / sizes[-1]:.1e} of what the last one gets")
assert table["sigmoid"][0] / table["sigmoid"][-1] < 0.25**9 * 1.6
assert table["tanh"][0] / table["tanh"][-1] > 0.1
assert set(table["relu"]) == {1.0}

# %% [markdown]
# A step that is right for the last layer of the sigmoids is nothing for the first: it would have to
# be half a million times as large. That is why sigmoids in many layers had to give way.
#
# relu has a danger of its own. Where its input is negative it lets nothing through, in either
# direction. Below, w2 = -1 makes z2 negative, so a2 is 0. Then w3, which a2 is multiplied with,
# gets exactly 0, and so do w2 and all weights before it, through which nothing passes.

# %%
shut = magnitudes(Value.relu, [1.0, -1.0, 1.0, 1.0], b=0.5)
print(f"relu, w2 = -1: {shut}")
assert shut == [0.0, 0.0, 0.0, 0.5]

# %% [markdown]
# ## It is not the depth alone
#
# What counts is the product w · σ'(z). With w = 4 and b = -2 every neuron has z = 0 and a = 0.5, if
# x is 0.5: then the slope is a quarter, the product is 1, and nothing vanishes. With 8 and -4 it is
# 2, and the gradient doubles in each layer: it *explodes*. Between the two there is little room. So
# it matters how the weights are drawn; see the lesson on initializers.

# %%
for w in (2.0, 4.0, 8.0):
    sizes = magnitudes(Value.sigmoid, [w] * 10, b=-w / 2, x=0.5)
    print(f"w = {w:g}: dE/dw1 = {sizes[0]:.3g}, dE/dw10 = {sizes[-1]:.3g}")
    assert sizes[0] / sizes[-1] == (w / 4) ** 9  # powers of 2: there is nothing to round

# %% [markdown]
# In the second picture, of the neurons with w = 4, all weights have the same color.

# %% tags=["remove-output"]
even, _ = deep(Value.sigmoid, [4.0] * 5, b=-2.0, x=0.5)
draw(even, folder / "even.svg", title="Five sigmoids in a row, w = 4")
print(f"picture: {folder / 'even.svg'}")

# %%
even

# %% [markdown]
# ## Questions
#
# Three sigmoids in a row with w = 2, b = -1 and x = 0.5. Every z is 0, so no calculator is needed.
#
# 1. What are the seven factors of dE/dw1, and what is dE/dw1?
# 2. Ten neurons with w = 8 and b = -4: how many times as large as dE/dw10 is dE/dw1?
#
# [Solutions](solutions/10_vanishing.md)

# %%
from course import check

check(
    {
        "dE/da3": "",
        "da3/dz3": "",
        "dz3/da2": "",
        "da2/dz2": "",
        "dz2/da1": "",
        "da1/dz1": "",
        "dz1/dw1": "",
        "dE/dw1": "",
    },
    """
    [given]
    x = 0.5
    b = -1
    [parameters]
    w1 = 2
    w2 = 2
    w3 = 2
    [forward]
    z1 = "w1*x + b"
    a1 = "sigmoid(z1)"
    z2 = "w2*a1 + b"
    a2 = "sigmoid(z2)"
    z3 = "w3*a2 + b"
    a3 = "sigmoid(z3)"
    E = "a3**2 / 2"
    [update]
    loss = "E"
    rate = 0.1
    """,
)
check({"times": ""}, {"times": sizes[0] / sizes[-1]})
