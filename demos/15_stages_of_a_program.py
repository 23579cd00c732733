# %% [markdown]
# # From a function to a program, stage by stage
#
# `capture` makes a program of a function. On the way it is written down four times, each time as
# plain data that can be printed: as a recording, a schedule, a listing and a replay. Here is that
# way for one neuron and one step of gradient descent.

# %%
import os
import re
import warnings

from tinygrad_hw import Value, capture

w, b = Value(0.5, label="w"), Value(-0.3, label="b")


def step(x, y):
    w.grad = b.grad = None
    z = w * x + b
    z.label = "z"
    a = z.sigmoid()
    a.label = "a"
    loss = (y - a) ** 2 / 2
    loss.label = "loss"
    unused = z * 3.0
    del unused
    loss.backward()
    return loss, w - 0.1 * w.grad, b - 0.1 * b.grad


# %% [markdown]
# ## Which calls are recorded
#
# The first call runs the function as it is. The second and the third run it too, and record what
# it computes. Where both recordings are equal, there is a program, and later calls run that
# instead; but every call whose number is a power of two is recorded again, and compared.

# %%
captured = capture(step)
for call in range(1, 17):
    before = captured.captures
    captured(2.0, 1.0)
    how = "recorded" if captured.captures > before else "as it is" if call == 1 else "replayed"
    print(f"call {call:>2}: {how}")
assert captured.captures == 5  # 2, 3, 4, 8, 16

# %% [markdown]
# ## The recording: what was computed
#
# While the function is recorded, it computes with stand-ins. Each operation on one leaves an
# instruction: a number, the user's label for it, what kind of number it is, and the operation with
# the numbers of its operands. Inputs are the arguments, and the data of the Values that were found.
# The backward pass is in it like everything else, since its rules are computed in the same way.

# %%
program = captured.program
print(program.recording)
recorded = str(program.recording)
assert "(z): float = add" in recorded
assert "w.grad becomes" in recorded

# %% [markdown]
# `z * 3.0` is not there: it leads to no result and to no gradient. And the gradient of b has a name
# only, no instruction of its own: dz/db is 1, so it is that of z.
#
# ## The schedule: in which order, and where
#
# The schedule has the instructions alone, in the order in which they run, without the inputs. On
# arrays it says in which memory each result stands, and joins what can be one loop. For numbers
# there is little to say.

# %%
print(program.schedule)
assert "input" not in str(program.schedule)

# %% [markdown]
# ## The listing: as Python
#
# The listing is the text of a function. Its names are the user's labels. `captured.source` is the
# same text; `captured.javascript` writes the recording in another language.

# %%
print(program.listing)
assert str(program.listing) == captured.source

# %% [markdown]
# ## The replay: a call
#
# Last, the text is loaded. One call of it takes the arguments and the data of the Values, runs the
# lines, and gives the Values their gradients, all at once: an error on the way leaves them as they
# were. Its numbers are those of the function, to the last bit.

# %%
print(program.replay)
replayed = captured(2.0, 1.0)
gradients = w.grad, b.grad
plain = step(2.0, 1.0)
assert [x.data for x in replayed] == [x.data for x in plain]
assert (w.grad, b.grad) == gradients
print(f"loss {replayed[0].data:.10g}, new w {replayed[1].data:.10g}, new b {replayed[2].data:.10g}")

# %% [markdown]
# ## What may be stale
#
# A replay computes with the arguments and the Values as they are, and with all else that the
# function has read as it was. Before each call it is looked whether that is still so: globals,
# closures, attributes, the code of the functions that were called. What is not seen there, such as
# a file or a variable of the environment, is seen by the next recording: it finds another constant,
# says so once, and is right itself. So after n calls, no more than n are answered from an earlier
# world.


# %%
@capture
def scaled(x):
    return w * x * float(os.environ["SCALE"])


os.environ["SCALE"] = "1"
for _ in range(5):
    scaled(2.0)
os.environ["SCALE"] = "10"
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    for call in range(6, 10):
        print(f"call {call}: {scaled(2.0).data:.3g}, right is {scaled.function(2.0).data:.3g}")
print(re.sub(r"\S*[/\\]", "", str(told[0].message)))
assert scaled(2.0).data == scaled.function(2.0).data
assert len(told) == 1

# %% [markdown]
# ## Questions
#
# 1. Without the division by 2, the loss is (y - a)². How many instructions fewer has the schedule?
#    Look at the chain rule, too.
# 2. How many recordings are there in a hundred calls, and how many in a million?
# 3. A function counts its calls in a global, `calls += 1`, and returns `w * x`. What is recorded,
#    what is replayed, and what does `capture` say about it? Try it.
#
# [Solutions](solutions/15_stages_of_a_program.md)

# %%
from course import check


def length_of(loss_of):
    """Give the number of instructions of the step with another loss."""

    def other_step(x, y):
        w.grad = b.grad = None
        loss = loss_of(y - (w * x + b).sigmoid())
        loss.backward()
        return loss, w - 0.1 * w.grad, b - 0.1 * b.grad

    other = capture(other_step)
    for _ in range(3):
        other(2.0, 1.0)
    return str(other.program.schedule).count("\n")


often = capture(lambda x: w * x)
for _ in range(100):
    often(1.0)
check(
    {"fewer": "", "in_a_hundred": "", "in_a_million": ""},
    {
        "fewer": length_of(lambda r: r**2 / 2) - length_of(lambda r: r**2),
        "in_a_hundred": often.captures,
        "in_a_million": (1_000_000).bit_length(),
    },
)
