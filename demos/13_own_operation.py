# %% [markdown]
# # An operation of one's own
#
# The engine has one table of operations, and yours are as good as those in it. An operation needs
# three things: a name, how to compute it, and its derivative as one would write it down.
#
# The example is Huber's loss. A squared error grows with the square of a miss, so one wild point
# pulls harder than all the others together. Huber's is a square near 0 and a straight line further
# out. Its derivative is x, held between -1 and 1: nobody pulls harder than that.

# %%
import numpy as np

from tinygrad_hw import Value, grad, gradcheck, jvp
from tinygrad_hw.engine import GradientError, Pointwise
from tinygrad_hw.explain import explain

huber = Pointwise(
    "huber",
    lambda x: np.where(np.abs(x) < 1, x**2 / 2, np.abs(x) - 0.5),
    "maximum(-1.0, minimum(1.0, x))",
)

# %% [markdown]
# ## The text is the rule
#
# In the text, x is the operand and out the result, whatever they are called where the operation is
# used. Functions are those of the table, under NumPy's names. Nothing else is written anywhere, and
# everything follows: gradients, second derivatives, forward mode.

# %%
x = Value([-2.0, 0.25, 3.0], label="x")
np.sum(huber(x)).backward()
print(f"derivative {huber.formulas[0]} at {x.data}: {x.grad}")
print(f"second derivative at 0.25: {grad(grad(huber))(0.25)}, at 3: {grad(grad(huber))(3.0)}")
print(f"forward mode at 0.25: (value, tangent) = {jvp(huber, 0.25, 1.0)}")
assert x.grad.tolist() == [-1.0, 0.25, 1.0]

# %% [markdown]
# A chain shows it too, with the operand's own name in the place of x. Here the prediction w · x is
# 1.4 and should be 5. The miss is large, so the factor is -1, and not -3.6 as with a square.

# %%
w = Value(0.7, label="w")
r = w * Value(2.0, label="x", constant=True) - Value(5.0, label="y", constant=True)
r.label = "r"
E = huber(r)
E.label = "E"
print(explain(E, w))
E

# %% [markdown]
# ## Is it right?
#
# `gradcheck` knows nothing of rules: it steps a little to both sides. Here it looks at a whole loss
# in which the operation is used, in all its arguments. From the command line, for a function in a
# file: `tinygrad-hw gradcheck 13_own_operation.py:loss`.


# %%
def loss(w=0.7, x=(1.0, -2.0, 0.5), y=(0.5, 1.0, 0.0)):
    """Mean Huber loss of a line through the origin."""
    return np.mean(huber(w * x - y))


difference = gradcheck(loss, 0.7, (1.0, -2.0, 0.5), (0.5, 1.0, 0.0), order=2)
print(f"within {difference:.0e} of central differences")
assert difference < 1e-6

# %% [markdown]
# Who writes x alone has forgotten the straight line. Near 0 that is right, so one point is not
# enough.

# %%
forgetful = Pointwise("forgetful", huber.compute, "x")
print(f"at 0.25: within {gradcheck(forgetful, 0.25):.0e}")
try:
    gradcheck(forgetful, 3.0)
except GradientError as mistake:
    print(f"at 3: {mistake}")
else:
    raise AssertionError("a mistake was not noticed")

# %% [markdown]
# A rule that uses what it cannot know is refused at once.

# %%
try:
    Pointwise("huber", huber.compute, "clamp(x)")
except ValueError as refused:
    print(refused)

# %% [markdown]
# ## Two operands, two texts
#
# Where the line begins is a matter of taste: let it be the second operand. The operands of a rule
# are called x, y, z in their order, and each has a text of its own. By the bound, the derivative is
# |x| - y on the straight line and 0 below it.

# %%
bounded = Pointwise(
    "huber",
    lambda x, y: np.where(np.abs(x) < y, x**2 / 2, y * np.abs(x) - y**2 / 2),
    "maximum(-y, minimum(y, x))",
    "maximum(0.0, abs(x) - y)",
)
misses, bound = [0.3, -2.0, 4.0], 1.5
print(f"within {gradcheck(bounded, misses, bound, order=2):.0e} of central differences")
print(f"by the bound: {grad(bounded, 1)(4.0, bound)}")
assert grad(bounded, 1)(4.0, bound) == 4.0 - bound

# %% [markdown]
# ## What it is good for
#
# A line through the origin with slope 2, and one number that was typed with its point in the wrong
# place: 60 for 6.0. The square goes after it; Huber's loss hardly does.

# %%
inputs = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0])
measured = np.array([-4.1, -1.8, 0.1, 2.2, 3.9, 60.0])


def fitted(error):
    """Give the slope that gradient descent finds."""
    slope_of = grad(lambda w: np.mean(error(w * inputs - measured)))
    w = 0.0
    for _ in range(500):
        w = w - 0.1 * slope_of(w)
    return w


by_square, by_huber = fitted(lambda r: r**2 / 2), fitted(huber)
print(f"slope by the square {by_square:.3f}, by Huber's loss {by_huber:.3f}")
good = inputs[:5] @ measured[:5] / (inputs[:5] @ inputs[:5])
print(f"without the wrong number, by the square: {good:.3f}")
assert abs(by_huber - 2) < 0.5 < abs(by_square - 2)

# %% [markdown]
# ## Questions
#
# 1. w = 0.7 and x = 2, as above, but y = 1.2. What are E, Huber's loss of w x - y, and dE/dw?
# 2. And with y = 4.4?
# 3. *Swish* is f(x) = x σ(x). What are f and df/dx at x = 2? (How many ways lead from f to x?)
# 4. Write the derivative of swish as a text, with x and, if you like, out: `gradcheck` marks that.
#
# [Solutions](solutions/13_own_operation.md)

# %%
from course import check


def loss_at(y):
    return lambda w: huber(2 * w - y)


check(
    {"E_near": "", "slope_near": "", "E_far": "", "slope_far": ""},
    {
        "E_near": loss_at(1.2)(Value(0.7)).data,
        "slope_near": grad(loss_at(1.2))(0.7),
        "E_far": loss_at(4.4)(Value(0.7)).data,
        "slope_far": grad(loss_at(4.4))(0.7),
    },
)
check(
    {"f": "", "df/dx": ""},
    """
    [parameters]
    x = 2
    [forward]
    s = "sigmoid(x)"
    f = "x*s"
    [update]
    loss = "f"
    rate = 0.1
    """,
)

# %%
derivative = ""  # of swish, as a text
try:
    swish = Pointwise("swish", lambda x: x / (1 + np.exp(-x)), derivative or "0 * x")
    print(f"within {gradcheck(swish, [-3.0, -0.5, 0.4, 2.0]):.0e} of central differences")
except Exception as mistake:  # whatever can be wrong with a text
    print(mistake if derivative else "nothing is written yet")
