# %% [markdown]
# # An operation of one's own
#
# The engine has one table of operations, and yours are as good as those in it. An operation needs a
# name, how to compute it, and its derivative as one would write it down. Huber's loss, a square
# near 0 and a straight line further out, has the derivative x, held between -1 and 1:

# %%
import numpy as np

from tinygrad_hw import Value, grad, gradcheck, jvp
from tinygrad_hw.engine import Pointwise

huber = Pointwise(
    "huber",
    lambda x: np.where(np.abs(x) < 1, x**2 / 2, np.abs(x) - 0.5),
    "maximum(-1.0, minimum(1.0, x))",
)

# %% [markdown]
# That text is the rule. It is computed with, recorded for second derivatives, pushed forward, and
# shown to whoever asks.

# %%
x = Value([-2.0, 0.25, 3.0], label="x")
np.sum(huber(x)).backward()
print(f"derivative {huber.formulas[0]} at {x.data}: {x.grad}")
print(f"second derivative at 0.25: {grad(grad(huber))(0.25)}, at 3: {grad(grad(huber))(3.0)}")
print(f"forward mode at 0.25: (value, tangent) = {jvp(huber, 0.25, 1.0)}")

# %% [markdown]
# Is it right? `gradcheck` knows nothing of rules: it steps a little to both sides. From the command
# line, for a function in a file: `tinygrad-hw gradcheck 10_own_operation.py:loss`.


# %%
def loss(w=0.7, x=(1.0, -2.0, 0.5), y=(0.5, 1.0, 0.0)):
    """Mean Huber loss of a line through the origin."""
    return np.mean(huber(w * x - y))


difference = gradcheck(loss, 0.7, (1.0, -2.0, 0.5), (0.5, 1.0, 0.0), order=2)
print(f"within {difference:.0e} of central differences")
assert difference < 1e-6
