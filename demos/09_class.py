# %% [markdown]
# # A class: sheets handed out, returned, marked
#
# For a teacher. Everybody gets a sheet with numbers of their own, so that nobody can copy; the
# sheets come back as files in a folder, and one command marks them all.

# %%
import contextlib
import csv
import shlex
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tinygrad_hw.cli import main
from tinygrad_hw.worksheet import CATALOGUE, mark, read_sheet, sheet_text

folder = Path(tempfile.mkdtemp())


def run(command):
    """Run a command of tinygrad-hw in the temporary folder; give its exit status."""
    print(f"$ tinygrad-hw {command}")
    with contextlib.chdir(folder):
        return main(shlex.split(command))


run("exercise --net 2-1 --count 6 -o class --key keys")
names = sorted(path.name for path in (folder / "class").iterdir())
print(f"class: {' '.join(names)}")

# %% [markdown]
# ## Handed out, and returned
#
# Blank sheets are in `class`, and what should be written in `keys`. A class has to be invented for
# this lesson: each of the six writes what is right, but for one thing.


# %%
def turned(digits):
    """Change the last two different neighbours round."""
    for i in range(len(digits) - 1, 0, -1):
        if digits[i] != digits[i - 1] and digits[i - 1 : i + 1].isdigit():
            return digits[: i - 1] + digits[i] + digits[i - 1] + digits[i + 1 :]
    return digits


def nothing(answers):
    """Everything is right."""


def digits_changed(answers):
    answers.forward["a1"] = turned(answers.forward["a1"])


def sign_lost(answers):
    partial = answers.partials["dE/dw1"]
    other = partial.value[1:] if partial.value.startswith("-") else f"-{partial.value}"
    answers.partials["dE/dw1"] = replace(partial, value=other)


def not_finished(answers):
    answers.updated["b1"] = answers.table["b1"] = ""


def not_a_number(answers):
    answers.forward["E"] = "small"


def question_removed(answers):
    del answers.partials["dE/dw2"]


class_list = {
    "Ada": nothing,
    "Ben": digits_changed,
    "Cem": sign_lost,
    "Dina": not_finished,
    "Eli": not_a_number,
    "Fay": question_removed,
}
for file, (student, habit) in zip(names, class_list.items(), strict=True):
    key = folder / "keys" / file.replace("sheet", "key")
    sheet = replace(read_sheet(key), student=student)
    habit(sheet.answers)
    (folder / "class" / file).write_text(sheet_text(sheet), "utf-8")

# %% [markdown]
# ## Marked
#
# A row for each sheet. `--against keys` compares with what was handed out: whoever removes a
# question does not get rid of it. What is no number is named and counts as missing, and everything
# else on the sheet is marked. That something was left for a person to look at is also the exit
# status, 1 in place of 0.

# %%
status = run("check class --against keys --csv marks.csv")
assert status == 1
with (folder / "marks.csv").open(encoding="utf-8-sig", newline="") as table:
    rows = list(csv.DictReader(table))
for row in rows:
    print(f"{row['file']} {row['student']:<5} {row['points']:>4} of {row['of']}  {row['slips']}")
assert {row["of"] for row in rows} == {"14"}

# %% [markdown]
# ## What is it worth?
#
# Each number is worth a point, and a wrong one that a slip explains half of it. What is only
# written again, a factor that stood in another chain or the closing table, is worth nothing: so
# there are 21 numbers on a sheet, and 14 points. `--weights` changes that: here a factor counts
# half, and a slip costs all.

# %%
status = run("check class --weights factor=0.5,slip=0")

# %% [markdown]
# ## What did the class find hard?
#
# The marks are plain data: count the slips, by the question that one would ask the student.

# %%
hints = {slip.id: slip.hint for slip in CATALOGUE}
slips = Counter(
    item.slip
    for file in names
    for item in mark(read_sheet(folder / "class" / file)).items
    if item.slip
)
for slip, times in slips.most_common():
    print(f"{times} × {slip}: {hints[slip]}")
assert set(slips) >= {"transposed", "sign"}

# %% [markdown]
# To hand back: `tinygrad-hw check class/FILE --html --hints 2` writes a page for a student, with
# the places and not the answers. `check` also takes the zip archives that Canvas, Moodle and
# Gradescope let you download, and fills the marks into their tables.

# %% [markdown]
# ## Questions
#
# The sheet of the lesson before: z = 0.7 and dz/dw = 2 are right, a = 0.6628 is a slip that is
# named, and dE/da, da/dz and dE/dw follow from it. How many points is it worth
#
# 1. as it comes (and out of how many),
# 2. where a slip costs all, `slip=0`,
# 3. where a derivative counts half, `partial=0.5`,
# 4. where what follows from a slip counts nothing, `follows=0`?
#
# [Solutions](solutions/09_class.md)

# %%
from course import check, marks_of

from tinygrad_hw.worksheet import points, read_weights

marks = marks_of(
    {
        "z": "0.7",
        "a": "0.6628",
        "dE/da": "-0.3372",
        "da/dz": "0.2235",
        "dz/dw": "2",
        "dE/dw": "-0.1507",
    },
    """
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
    """,
)
earned, most = points(marks)
check(
    {"points": "", "most": "", "slip_0": "", "partial_half": "", "follows_0": ""},
    {
        "points": earned,
        "most": most,
        "slip_0": points(marks, read_weights("slip=0"))[0],
        "partial_half": points(marks, read_weights("partial=0.5"))[0],
        "follows_0": points(marks, read_weights("follows=0"))[0],
    },
)
