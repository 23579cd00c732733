"""Whatever a sheet holds, every verb takes it or refuses it in one line."""

import io
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tinygrad_hw.cli import main
from tinygrad_hw.errors import InputError
from tinygrad_hw.symbolic.expression import FUNCTIONS
from tinygrad_hw.worksheet import blanks, key, parse_sheet, sheet_text

# Set to run many more; the suite's own share takes some seconds.
EXAMPLES = int(os.environ.get("TINYGRAD_HW_EXAMPLES", "30"))

NUMBERS = """
    0 -0.0 0.0 1 -1 2 0.5 -0.3 0.123456 3.14159265358979 -0.30000000000000004 1e-5 1e5 123456.789
    1e-310 -5e-324 2.2250738585072014e-308 1.7976931348623157e308 -1e300 1e154 1e-162 1e16 1e-17
    700 -745.2 0.99999999999 1.0000000000000002 1e22 12345678901234567890
""".split()
NAMES = """
    x y w b v E z a t1 w10 w_2 _ __ d dw dE alpha λ σ x1 ä E1 rate loss step2 sigma e pi i N
    averyveryverylongnamethatisjustanameandnothingelseatall
""".split()
ANSWERS = """
    0 0.0 -0 0.5 .5 5. -0.1471 1e-5 1e400 1e-400 0.000 000 +1 1/3 -1/2 0/5 1/0 −3,18·10⁻⁴ 1.2.3 nan
    inf ? one 3·10^8 0.30000000000000000000000000000000004 99999999999999999999999999 ½ 1e308 5e-324
""".split()
ROUNDINGS = [[], []] + [
    ["[rounding]", f"{kind} = {count}"] for kind in ("figures", "decimals") for count in (1, 4, 17)
]
KEYS = ["n", "b", "q", "g 3", "/w", "u", "?", "run"]
VERBS = """
    solve | solve --json | check | check --json | check --html h1.html --hints 1
    check --html h2.html --hints 2 --json | check --html h3.html | check --hints 1 | check --hints 2
    draw -o f.svg | draw --scalar -o s.svg | draw -o f.dot | draw --scalar -o s.gv | page -o p.html
    step | step --scalar | program | program --js | fill
"""

numbers = st.sampled_from(NUMBERS) | st.floats(allow_nan=False, allow_infinity=False).map(repr)
answers = st.sampled_from(["", "", *ANSWERS, *NUMBERS]) | st.text(max_size=6)


@st.composite
def formulas(draw: st.DrawFn, names: list[str], depth: int = 3) -> str:
    kind = draw(st.integers(0, 5)) if depth else 0
    if kind <= 1:
        return draw(st.sampled_from(names) | st.sampled_from(names) | numbers)
    one = draw(formulas(names, depth - 1))
    if kind == 2:
        return f"{draw(st.sampled_from(sorted(FUNCTIONS)))}({one})"
    other = draw(formulas(names, depth - 1))
    if kind == 3:
        return f"({one})**{draw(st.sampled_from(['2', '3', '0', '0.5', '(-1)', f'({other})']))}"
    return f"({one}) {draw(st.sampled_from('+-*/'))} ({other})"


@st.composite
def sheets(draw: st.DrawFn) -> str:
    """Write a sheet, most often one in order, with answers of many kinds."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=3, max_size=9, unique=True))
    of_given = draw(st.integers(0, len(names) - 2))
    of_parameters = draw(st.integers(1, len(names) - of_given - 1))
    given_names = names[:of_given]
    parameters = names[of_given : of_given + of_parameters]
    forward = names[of_given + of_parameters :]
    lines = [f"title = {json.dumps(draw(st.text(max_size=8)))}"] if draw(st.booleans()) else []
    lines += ["[given]", *(f'"{name}" = {draw(numbers)}' for name in given_names)]
    lines += ["[parameters]", *(f'"{name}" = {draw(numbers)}' for name in parameters)]
    lines += ["[forward]"]
    known = given_names + parameters
    for name in forward:
        formula = draw(formulas(known))
        if draw(st.integers(0, 4)):  # else what it computes may depend on no parameter
            formula = (
                f"({formula}) {draw(st.sampled_from('+-*'))} {draw(st.sampled_from(known[-2:]))}"
            )
        lines.append(f'"{name}" = "{formula}"')
        known = [*known, name, name]
    rate = draw(numbers | st.sampled_from(["0.1", "1", *(f'"{name}"' for name in given_names)]))
    lines += ["[update]", f'loss = "{forward[-1]}"', f"rate = {rate}"]
    lines += draw(st.sampled_from([[], [], ["steps = 2"], ["steps = 3"]]))
    lines += draw(st.sampled_from(ROUNDINGS))
    text = "\n".join(lines) + "\n"
    kind = draw(st.sampled_from(["none", "blank", "key", "spoilt"]))
    try:
        sheet = parse_sheet(text)
        if kind == "blank":
            return sheet_text(blanks(sheet))
        if kind != "none":
            text = sheet_text(key(sheet))
    except InputError:
        return text
    if kind == "spoilt":
        rng = random.Random(draw(st.integers(0, 10**9)))
        few = draw(st.lists(answers, min_size=1, max_size=4))
        head, found, written = text.partition("[answers")
        pieces = written.split('"')
        for i in range(1, len(pieces), 2):
            if pieces[i - 1].endswith((" = ", "[")) and rng.random() < 0.3:
                pieces[i] = json.dumps(rng.choice(few))[1:-1]
        text = head + found + '"'.join(pieces)
    return text


def run(verb: str, typed: str) -> None:
    """Run a verb on s.toml, and see that it does, or refuses in one line."""
    name, *options = verb.split()
    out, error, stdin = io.StringIO(), io.StringIO(), sys.stdin
    sys.stdin = io.StringIO(typed)
    try:
        with redirect_stdout(out), redirect_stderr(error):
            status = main([name, "s.toml", *options])
    finally:
        sys.stdin = stdin
    said = error.getvalue()
    if status == 1:  # an answer is no number
        assert name == "check"
        assert "no number" in out.getvalue().lower() or "unreadable" in out.getvalue()
    if status in (0, 1):
        assert said == ""
        if "--json" in options:
            json.loads(out.getvalue(), parse_constant=pytest.fail)
    else:
        assert (status, out.getvalue()) == (2, "")
        assert said.startswith("tinygrad-hw: ")
        assert said.endswith("\n")
        assert said[:-1].isprintable()


@contextmanager
def in_folder(text: str) -> Iterator[Path]:
    old = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            path = Path("s.toml")
            path.write_text(text, "utf-8")
            yield path
        finally:
            os.chdir(old)


DEAD_INPUT = """
[given]
x = 0
[parameters]
w = 0.123456
b = 0.25
[forward]
z = "w*x + b"
[update]
loss = "z"
rate = 0.1
{}[answers.forward]
z = "0.25"
[answers.updated]
w = "{}"
"""

OVERFLOW = """
[parameters]
w = 2.5
[forward]
z = "tanh(1e22**1234) * w"
[update]
loss = "z"
rate = 1
"""

# The derivative of log is 1 / 0 there, which is multiplied by 0.
INFINITE_SLOPE = """
[parameters]
x = 0
[forward]
y = "x"
w = "exp(log(x))"
[update]
loss = "w"
rate = 0
"""


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@example(OVERFLOW, "")
@example(OVERFLOW.replace("tanh(1e22**1234)", "log(-3)**0"), "")
@example(INFINITE_SLOPE, "")
@example(DEAD_INPUT.format("", "0.123456"), "1\nb\nx\n")
@example(DEAD_INPUT.format("[rounding]\nfigures = 2\n", "0.12"), "")
@example(DEAD_INPUT.format("[rounding]\ndecimals = 2\n", ""), "")
@given(sheets(), st.lists(answers | st.sampled_from(KEYS), max_size=8).map("\n".join))
def test_every_verb_takes_any_sheet(text: str, typed: str) -> None:
    with in_folder(text) as path:
        for verb in filter(None, map(str.strip, VERBS.replace("\n", "|").split("|"))):
            run(verb, typed)
            if verb != "fill":
                assert path.read_text("utf-8") == text
