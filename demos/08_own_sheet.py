# %% [markdown]
# # A sheet of one's own: drawn, filled in, marked
#
# Backpropagation is learned with a pencil. For that one needs a network with fresh numbers, and
# somebody who looks at every step. Three commands do it: `exercise` draws a sheet, `fill` asks for
# its numbers, `check` marks them. Here they run from Python; in a shell, write what stands behind
# the `$`.

# %%
import contextlib
import math
import shlex
import tempfile
from pathlib import Path

from tinygrad_hw.cli import main
from tinygrad_hw.worksheet import fill, read_number, read_sheet, round_number

folder = Path(tempfile.mkdtemp())


def run(command):
    """Run a command of tinygrad-hw in the temporary folder."""
    print(f"$ tinygrad-hw {command}")
    with contextlib.chdir(folder):
        status = main(shlex.split(command))
    assert status == 0


run("exercise --net 2-1 --seed 7 -o sheet.toml")
print((folder / "sheet.toml").read_text("utf-8").split("[answers.updated]")[0])

# %% [markdown]
# It is a text file. A network comes first, with the numbers that are given, the parameters and the
# formulas; then what is asked for: all values, each factor of each chain, the partials, and the
# parameters after one step. Another seed is another sheet, and none is drawn on which two answers
# could be taken for each other.
#
# ## Filled in
#
# Below is somebody who works it out with four figures in every step, and goes on with what is
# written. That is how it is done by hand.


# %%
def work(given, parameters, sign=1):
    """Give the answers by name, each rounded to four figures; sign=-1 is a slip."""
    written = {}

    def write(name, number):
        written[name] = str(round_number(number, "figures", 4))
        return float(written[name])

    n = given | parameters
    z1 = write("z1", n["w1"] * n["x1"] + n["w2"] * n["x2"] + n["b1"])
    a1 = write("a1", 1 / (1 + math.exp(-z1)))
    write("E", (n["y"] - a1) ** 2 / 2)
    from_error = write("dE/da1", sign * (a1 - n["y"]))
    from_sigmoid = write("da1/dz1", a1 * (1 - a1))
    for name, last in (("w1", n["x1"]), ("w2", n["x2"]), ("b1", 1.0)):
        write(f"dz1/d{name}", last)
        slope = write(f"dE/d{name}", from_error * from_sigmoid * last)
        write(name, n[name] - n["alpha"] * slope)
    return written


def fill_in(name, answers):
    """Answer all that `fill` asks; give the lines of the conversation."""
    lines = []

    def ask(prompt):
        answer = answers[prompt.split()[-2]]  # "factor dE/da1 = "
        lines.append(prompt + answer)
        return answer

    fill(folder / name, ask, lines.append, read_number)
    return lines


sheet = read_sheet(folder / "sheet.toml")
print("$ tinygrad-hw fill sheet.toml")
conversation = fill_in("sheet.toml", work(sheet.given, sheet.parameters))
print("\n".join([*conversation[:13], "…", Path(conversation[-1]).name]))

# %% [markdown]
# ## Marked
#
# Nothing is wrong, though not every number is the exact one, rounded. Whoever rounds in every step
# carries small errors along; the marker knows how far these can lead from each step to the next,
# and takes no number as wrong that honest work can give. It also says where digits are shown that
# the work before them cannot support. Of the 21 numbers 14 are worth a point; the others are only
# written again, as a factor that stood in another chain, or in the closing table.

# %%
run("check sheet.toml")

# %% [markdown]
# ## A slip
#
# Now the same with a slip: dE/da1 is written as y - a1. (The minus sign of the inner derivative is
# forgotten.) All that comes after it is worked out from it, rightly, and is other than it should
# be.

# %%
run("exercise --net 2-1 --seed 7 -o slip.toml")
fill_in("slip.toml", work(sheet.given, sheet.parameters, sign=-1))
run("check slip.toml --hints 2")

# %% [markdown]
# The factor is named, and what follows from it is not wrong. The slip costs half a point, since it
# is one that the marker can explain. Here each of the three gradients costs half a point, too: with
# their signs all steps go uphill, which one should see before handing it in.
#
# `--hints` says how much is given away: 1 is only the kind of slip, 2 the place as well, and 3 what
# is wrong with it. With 1 one has to look for oneself.

# %%
run("check slip.toml --hints 1")
run("check slip.toml --hints 3")

# %% [markdown]
# `tinygrad-hw check slip.toml --html` writes all this on a page, and `tinygrad-hw solve slip.toml`
# prints every chain with its numbers.

# %% [markdown]
# ## Questions
#
# Somebody handed this in for one neuron, z = w x + b, a = σ(z), E = (y - a)² / 2, with w = 0.5,
# b = -0.3, x = 2 and y = 1. You are the marker.
#
#     z = 0.7            a = 0.6628
#     dE/da = -0.3372    da/dz = 0.2235    dz/dw = 2    dE/dw = -0.1507
#
# 1. One number is wrong, and others follow from it. What should the six be?
# 2. How many of the six are right as they stand, how many follow, and how many are charged?
#
# [Solutions](solutions/08_own_sheet.md)

# %%
from course import check, marks_of

neuron = """
    [given]
    x = 2
    y = 1
    [parameters]
    w = 0.5
    b = -0.3
    [forward]
    z = "w*x + b"
    a = "sigmoid(z)"
    E = "(y - a)**2 / 2"
    [rounding]
    figures = 4
    [update]
    loss = "E"
    rate = 1
    """
check({"z": "", "a": "", "dE/da": "", "da/dz": "", "dz/dw": "", "dE/dw": ""}, neuron)

handed_in = {
    "z": "0.7",
    "a": "0.6628",
    "dE/da": "-0.3372",
    "da/dz": "0.2235",
    "dz/dw": "2",
    "dE/dw": "-0.1507",
}
verdicts = marks_of(handed_in, neuron).summary
check(
    {"right": "", "following": "", "charged": ""},
    {
        "right": verdicts["exact"] + verdicts["rounded"],
        "following": verdicts["follows"],
        "charged": verdicts["wrong"],
    },
)
