# %% [markdown]
# # The captured program, read line by line
#
# A graph is a record of what was computed. Written down from the first node to the last and back
# again, it is a program without loops or branches, and each of its lines is one small operation.
# Here is that program for the homework's network (a): one step of gradient descent, from the inputs
# to thirteen new parameters. `tinygrad-hw program q1a` prints all of it.

# %%
import math
import time

import numpy as np

from tinygrad_hw import Value, capture
from tinygrad_hw.engine import ops
from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import read_sheet, sheet_program

sheet = read_sheet(sheet_path("q1a"))
program = sheet_program(sheet)
forward, rest = program.source.split("# backward")
backward, update = rest.split("# update")
print(program.source.splitlines()[0])

# %% [markdown]
# It takes the numbers that are given and the parameters. What follows is plain Python, so we can be
# the computer: take line after line, compute it, and write its number beside it.

# %%
numbers = {**sheet.given, **sheet.parameters}
lines = (line.strip() for line in program.source.splitlines() if " = " in line)


def run_to(last):
    """Run the next lines, up to the one that computes `last`."""
    for line in lines:
        name, formula = line.split(" = ")
        numbers[name] = eval(formula, {"sigmoid": ops.sigmoid}, numbers)
        print(f"{line:<28}# {numbers[name]:.10g}")
        if name == last:
            break


run_to("a1")

# %% [markdown]
# ## Forward
#
# That was the first hidden neuron: two products, two sums, and the sigmoid. What has a name in the
# sheet has it here too; what comes between is called t1, t2 and so on. The other two hidden neurons
# are like it. The output neuron has three inputs, and after it comes the error.

# %%
run_to("a3")

# %%
run_to("E")

# %% [markdown]
# ## Backward: the error and the output neuron
#
# Now the chain rule. `dE_da4` stands for ∂E/∂a4.

# %%
run_to("dE_dw9")

# %% [markdown]
# Line by line:
#
# - The square has the derivative 2 · error; half of it, since E is half of the square; and a minus
#   sign, since error is y - a4. So `dE_da4` is a4 - y, in three lines.
# - `t18` and `t19` are σ(-z4), which is 1 - a4 computed without a subtraction (see the lesson on
#   lost digits). Times a4 it is the local derivative of the sigmoid, `da4_dz4`. For a4 nothing is
#   computed: it is there from the forward pass.
# - `dE_dz4 = dE_da4 * da4_dz4` is the chain rule on one edge: upstream times local.
# - z4 = … + b4, so b4 receives what z4 has, times 1: `dE_db4` needs no product.
# - z4 = … + a3 · w9, so a3 receives it times w9, and w9 receives it times a3.
#
# ## Backward: the hidden neurons
#
# The third one is the last that was computed, so it comes first. It has the same pattern: the
# sigmoid's derivative, upstream times local, and then what b3, w6 and w5 receive. The last product
# is by what each weight was multiplied with, x2 and x1.

# %%
run_to("dE_dw5")

# %% [markdown]
# Then the second neuron, and the first. Both begin at `dE_dz4`, which is computed once and used
# seven times.

# %%
run_to("dE_dw3")

# %%
run_to("dE_dw1")

# %%
users = [line.strip() for line in backward.splitlines() if "dE_dz4" in line.partition("=")[2]]
print("\n".join(users))
assert len(users) == 7

# %% [markdown]
# There is no line for ∂E/∂x1 or ∂E/∂y: nobody asks for them, so they are not computed.
#
# ## What a gradient costs
#
# Count the lines. All thirteen derivatives together cost about one and a half times as much as E.
# By trying, with a step to each side, thirteen derivatives take twenty-six forward passes.

# %%
per_pass = [sum(" = " in line for line in part.splitlines()) for part in (forward, backward)]
print(f"{per_pass[0]} lines forward, {per_pass[1]} backward; by trying: {26 * per_pass[0]}")
assert per_pass[1] < 2 * per_pass[0]
assert "dE_dx1" not in program.source

# %% [markdown]
# ## The update
#
# new = old - rate · derivative, two lines for each parameter.

# %%
run_to("new_b4")

# %% [markdown]
# Behind the last line stand a test, whether all gradients are finite, and `return`. So much for the
# program. The numbers that we have computed from it are those of the sheet, to the last bit.

# %%
values = sheet.evaluate()
values["E"].backward()
assert all(numbers[name] == values[name].data for name in sheet.forward)
for name, old in sheet.parameters.items():
    assert numbers[f"dE_d{name}"] == values[name].grad
    assert numbers[f"new_{name}"] == old - sheet.rate * values[name].grad
print("the same, all of them")

# %% [markdown]
# The program speaks JavaScript too: that is what the sliders of a page run, in the browser. There
# is no sigmoid in JavaScript, so it is spelled out, in a form that never overflows. Here is the
# first neuron.

# %%
script = program.javascript
print(script[: script.index("const a1")] + "…")

# %% [markdown]
# ## A function of your own
#
# `capture` records any function. The first call runs it as it is. The second and the third run
# it too, and record what it computes. The two recordings are equal, so from the fourth call on the
# program is run. What depends on the arguments, and on the Values that the function finds, is
# computed anew each time. Calls 4, 8, 16 and so on are recorded once more, to be sure.

# %%
w = Value(0.5, label="w")


@capture
def descend(x, y):
    w.grad = None
    a = (w * x).sigmoid()
    a.label = "a"
    loss = (y - a) ** 2
    loss.label = "loss"
    loss.backward()
    return loss


losses = [descend(x, 1.0).data for x in (0.5, 1.0, 1.5, 3.0, 2.0)]
print(descend.source)
print(", ".join(f"{loss:.6f}" for loss in losses))
assert descend.captures == 3  # calls 2, 3 and 4
assert math.isclose(losses[4], (1 - 1 / (1 + math.exp(-1))) ** 2)

# %% [markdown]
# What is saved? There is no graph to be made and no order to be found. But before each call it is
# looked whether the program still fits, which for a single neuron takes about as long as the neuron
# itself. For twenty in a row it takes little longer, and the whole call about a third of the time.
# A recording takes as long as some hundred calls: capture what is called thousands of times.


# %% tags=["remove-output"]
def row_of_neurons(x, y):
    w.grad = None
    a = x
    for _ in range(20):
        a = (w * a).sigmoid()
    loss = (y - a) ** 2
    loss.backward()
    return loss


def microseconds(function, calls):
    """Time a call, by the processor's clock."""
    start = time.process_time()
    for _ in range(calls):
        function(2.0, 1.0)
    return (time.process_time() - start) / calls * 1e6


for name, function in (("one neuron", descend.function), ("twenty neurons", row_of_neurons)):
    captured = capture(function)
    captured(2.0, 1.0)
    recorded = microseconds(captured, 3)  # calls 2, 3 and 4
    microseconds(captured, 600)
    replayed = microseconds(captured, 400)  # up to call 1,004, and 1,024 is the next recorded one
    print(
        f"{name}: as it is {microseconds(function, 400):.0f} µs, recorded {recorded:.0f} µs, "
        f"replayed {replayed:.0f} µs"
    )

# %% [markdown]
# All points in one call: the losses of each, and in `w.grad` the sum of their gradients. `batch`
# adds to what is there, so it is cleared before.

# %%
points = [-2.0, -1.0, 0.0, 1.0, 2.0]
w.grad = None
together = descend.batch(np.array(points), np.ones(5))
gradient = w.grad
print(f"losses {together}, gradient {gradient:.6f}")
one_by_one, gradients = [], []
for point in points:
    one_by_one.append(descend(point, 1.0).data)
    gradients.append(w.grad)
assert np.allclose(together, one_by_one, rtol=1e-14)
assert math.isclose(gradient, sum(gradients), rel_tol=1e-14)

# %% [markdown]
# ## What a program cannot hold
#
# A straight line has no `if`. So the way that was taken is written down together with its
# condition, and where that does not hold, the function is captured once more.


# %%
@capture
def hinge(x):
    z = w * x
    z.label = "z"
    if z > 1:
        return z
    return z**2


for x in (1.0, 1.5, 0.5, 3.0, 5.0, 4.0, 0.7, 6.0):
    print(f"x = {x}: {hinge(x).data}, recorded {hinge.captures} times so far")
print(hinge.source)
assert [hinge(x).data for x in (0.8, 8.0)] == [0.4**2, 4.0]

# %% [markdown]
# A number that is taken out of a Value would be in the program as it was when it was recorded, for
# ever. This is refused, and the message says where, and what to do instead.


# %%
@capture
def frozen(x):
    return w * float(w * x)


frozen(1.0)
try:
    frozen(1.0)
except TypeError as refused:
    print(refused)
else:
    raise AssertionError("a number was taken out and not noticed")

# %% [markdown]
# ## Questions
#
# Read them off the program above.
#
# 1. How many lines of the backward pass would one more hidden neuron cost?
# 2. How many lines use `dE_dz1`?
# 3. A captured function of numbers is called 40 times. How many of the calls are recorded?
# 4. x1 = 6, and `dE_dz1` is -1.067e-7. What are `dE_db1` and `dE_dw1`?
#
# [Solutions](solutions/14_captured_program.md)

# %%
from course import check

names = [line.strip().partition(" = ")[0] for line in backward.splitlines()]
doubled = capture(lambda x: 2 * (w * x))
for _ in range(40):
    doubled(1.0)
check(
    {"per_neuron": "", "users": "", "recorded": "", "dE_db1": "", "dE_dw1": ""},
    {
        "per_neuron": names.index("dE_da2") - names.index("dE_da3"),
        "users": sum("dE_dz1" in line.partition(" = ")[2] for line in backward.splitlines()),
        "recorded": doubled.captures,
        "dE_db1": numbers["dE_db1"],
        "dE_dw1": numbers["dE_dw1"],
    },
)
