# %% [markdown]
# # The chain rule on one edge
#
# Each lesson of this course runs as a script, `python 01_one_edge.py`, and is a notebook once
# Jupytext has made it one: `pip install jupytext notebook`, `jupytext --to ipynb 01_one_edge.py`,
# `jupyter notebook 01_one_edge.ipynb`. A notebook shows more: where a cell ends with a `Value`, its
# picture, and where it ends with a chain, the chain as a formula.
#
# Change the numbers, and run it again. Lines that begin with `assert` hold what the text says of
# the numbers that are there; if one stops with an `AssertionError`, your numbers tell another
# story. Find out which, and take the line out.
#
# A `Value` is a number that remembers how it was computed. Here is the smallest computation that
# has a derivative worth asking for: one multiplication, and something done with its result.

# %%
from tinygrad_hw import Value, backward_steps, steps
from tinygrad_hw.explain import explain

w = Value(0.5, label="w")
x = Value(4.0, label="x", constant=True)
z = w * x
z.label = "z"
d = z - 1
d.label = "d"
E = d**2
E.label = "E"
print(f"z = {z.data:g}, d = {d.data:g}, E = {E.data:g}")

# %% [markdown]
# By how much does E change when w does? Go backwards, from E, one edge at a time. Each edge knows
# one small derivative, the *local* one: that of a result by the number that it was made of.
#
# - E = d², so dE/dd = 2d = 2.
# - d = z - 1, so dd/dz = 1.
# - z = w · x, so dz/dw = x = 4.
#
# What has arrived at the result (*upstream*) is multiplied with it, and the product
# (*contribution*) goes to the operand. At E itself it starts with dE/dE = 1.

# %%
for step in backward_steps(E):
    print(
        f"{step.operand.label} receives upstream {step.upstream:g} × local {step.local:g} "
        f"= {step.contribution:g}"
    )

# %% [markdown]
# The picture has all of it. Numbers that lead straight to one another share a box and have a row
# each, with the value, the gradient (the derivative of E by it) and the local derivative. At an
# arrow from box to box stand the local derivative and, behind →, the contribution. x is dashed: it
# is a constant, and nobody asks for its gradient.

# %%
E

# %% [markdown]
# ## The chain
#
# So dE/dw is a product with one factor for each edge on the way. That is the chain rule. `explain`
# writes it down as one does by hand: the factors, their formulas, their numbers, the product.

# %%
chain = explain(E, w)
print(chain)
chain

# %% [markdown]
# ## Is it true?
#
# `backward()` goes the same way and leaves the gradient of each `Value` in its `grad`. A small step
# of w, to both sides, agrees.


# %%
def error(w):
    return (w * x.data - 1) ** 2


E.backward()
h = 1e-6
slope = (error(w.data + h) - error(w.data - h)) / (2 * h)
print(f"backward: {w.grad:g}, by trying: {slope:.6f}")
assert w.grad == chain.value
assert abs(slope - w.grad) < 1e-6

# %% [markdown]
# 8 says: where w grows by a little, E grows by about eight times as much. To make E smaller, make w
# smaller. All of training is that, many times.

# %%
less = w.data - 0.01
print(f"w = {less:g}: E = {error(less):.4f}")
print(f"by the slope: {E.data:g} - 0.01 × {w.grad:g} = {E.data - 0.01 * w.grad:.4f}")

# %% [markdown]
# The same once more, step by step. In a notebook this is a page with buttons and sliders.

# %%
walk = steps(E)
print(walk)
walk

# %% [markdown]
# ## Questions
#
# Each lesson ends with a few. Write your numbers between the quotes and run the lesson again (in a
# notebook, the cell). They are marked as a sheet of the homework is: three figures are enough
# (counts are asked for in full), and what is wrong is named without being given away. The right
# ones are among the [solutions](solutions/01_one_edge.md).
#
# Now w = 0.75, and all else is as above.
#
# 1. Forward: what are z, d and E?
# 2. Backward: what are the three factors of dE/dw, and what is their product?
# 3. What is w after one step of gradient descent, new = old - rate · dE/dw, with the rate 0.01?

# %%
from course import check

check(
    {
        "z": "",
        "d": "",
        "E": "",
        "dE/dd": "",
        "dd/dz": "",
        "dz/dw": "",
        "dE/dw": "",
        "new w": "",
    },
    """
    [given]
    x = 4
    [parameters]
    w = 0.75
    [forward]
    z = "w*x"
    d = "z - 1"
    E = "d**2"
    [update]
    loss = "E"
    rate = 0.01
    """,
)
