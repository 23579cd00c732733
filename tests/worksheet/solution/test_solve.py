"""The worked examples against 50-digit arithmetic, and solving in general."""

import json
import math
from collections.abc import Callable

import mpmath
import pytest

from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import key, mark
from tinygrad_hw.worksheet.sheet.model import SheetError
from tinygrad_hw.worksheet.sheet.reader import parse_sheet, read_sheet
from tinygrad_hw.worksheet.sheet.writer import sheet_text
from tinygrad_hw.worksheet.solution.solve import Solution, solution_lines, solve

PARAMETERS = [f"w{i}" for i in range(1, 10)] + [f"b{i}" for i in range(1, 5)]
GIVEN = {"q1a": {"x1": 6, "x2": 1}, "q1b": {"x1": 0, "x2": 6}}
START = {
    "q1a": dict.fromkeys(PARAMETERS, "1"),
    "q1b": dict(
        zip(
            PARAMETERS,
            ["0.5", "-0.5"] * 3 + ["1", "-1", "0"] + ["0.1"] * 4,
            strict=True,
        )
    ),
}


def network(x1: int, x2: int) -> Callable[..., dict[str, mpmath.mpf]]:
    """The 2-3-1 network written out by hand, on mpmath's numbers."""

    def forward(*parameters: mpmath.mpf) -> dict[str, mpmath.mpf]:
        w1, w2, w3, w4, w5, w6, w7, w8, w9, b1, b2, b3, b4 = parameters
        values = {"z1": w1 * x1 + w2 * x2 + b1}
        values["z2"] = w3 * x1 + w4 * x2 + b2
        values["z3"] = w5 * x1 + w6 * x2 + b3
        for i in "123":
            values["a" + i] = 1 / (1 + mpmath.exp(-values["z" + i]))
        values["z4"] = values["a1"] * w7 + values["a2"] * w8 + values["a3"] * w9 + b4
        values["a4"] = 1 / (1 + mpmath.exp(-values["z4"]))
        values["error"] = 1 - values["a4"]
        values["E"] = values["error"] ** 2 / 2
        return values

    return forward


def close(ours: float, exact: mpmath.mpf) -> bool:
    """Within 1e-14 relative; a partial that is exactly zero must be exactly zero."""
    return abs(mpmath.mpf(ours) - exact) <= abs(exact) * mpmath.mpf("1e-14")


@pytest.fixture(params=["q1a", "q1b"])
def example(request: pytest.FixtureRequest) -> tuple[str, Solution]:
    return request.param, solve(read_sheet(sheet_path(request.param)))


def test_values_partials_and_updates_equal_50_digit_arithmetic(
    example: tuple[str, Solution],
) -> None:
    name, solution = example
    with mpmath.workdps(50):
        forward = network(**GIVEN[name])
        point = [mpmath.mpf(START[name][p]) for p in PARAMETERS]
        exact = forward(*point)
        assert solution.forward.keys() == exact.keys()
        assert all(close(solution.forward[k], v) for k, v in exact.items())
        for i, parameter in enumerate(PARAMETERS):
            order = tuple(int(i == j) for j in range(13))
            slope = mpmath.diff(lambda *p: forward(*p)["E"], point, order)
            if abs(slope) < 1e-20:
                slope = mpmath.mpf(0)
            assert close(solution.partials[f"dE/d{parameter}"], slope), parameter
            assert close(solution.updated[parameter], point[i] - slope / 10), parameter


def test_a_chain_multiplies_to_its_partial(example: tuple[str, Solution]) -> None:
    _, solution = example
    for parameter in PARAMETERS:
        chain = solution.chains[parameter]
        product = sum(mpmath.fprod(f.value for f in path) for path in chain.paths)
        assert float(product) == pytest.approx(solution.partials[f"dE/d{parameter}"], rel=1e-14)


def test_written_down_as_the_homework_writes_it() -> None:
    lines = list(solution_lines(solve(read_sheet(sheet_path("q1a")))))
    at = lines.index("  ∂E/∂w7 = ∂E/∂a4 · ∂a4/∂z4 · ∂z4/∂w7")
    assert lines[at + 1 : at + 4] == [
        "         = (a4 - y) · (a4 · (1 - a4)) · a1",
        "         = (-0.01800) × 0.01768 × 0.9997",
        "         = -0.0003182",
    ]
    assert "  w1 = 1 - 0.1 × (-6.403e-07) = 1.00000006403" in lines
    assert "  a4 = sigmoid(z4) = 0.9820" in lines
    assert not any("0.0000 " in line or line.endswith("0.0000") for line in lines)


def test_json_has_full_precision() -> None:
    solution = solve(read_sheet(sheet_path("q1a")))
    again = json.loads(json.dumps(solution.as_json()))
    assert again["partials"]["dE/dw1"] == solution.partials["dE/dw1"]
    assert list(again) == ["forward", "partials", "updated"]


TWO = """
[given]
x = 3
[parameters]
w = 2
unused = 5
[forward]
p = "w*x"
q = "w**2"
E = "p*q"
[update]
loss = "E"
rate = 0.5
"""


def test_several_paths_are_summed_and_an_unused_parameter_stays() -> None:
    solution = solve(parse_sheet(TWO))
    assert solution.partials == {"dE/dw": 9 * 2**2, "dE/dunused": 0.0}  # E = 3 w³
    assert solution.updated == {"w": 2 - 0.5 * 36, "unused": 5}
    text = "\n".join(solution_lines(solution))
    assert text.splitlines()[text.splitlines().index("  ∂E/∂w = ∂E/∂p · ∂p/∂w") :][1:6] == [
        "        + ∂E/∂q · ∂q/∂w",
        "        = q · x",
        "        + p · (2 · w)",
        "        = 4 × 3",
        "        + 6 × 4",
    ]
    assert "∂E/∂unused = 0 (E does not depend on unused)" in text


def test_later_steps_begin_where_the_one_before_ended() -> None:
    text = TWO.replace("rate = 0.5", "rate = 0.01")
    solution = solve(parse_sheet(text.replace("rate = 0.01", "rate = 0.01\nsteps = 3")))
    w, steps = 2.0, []
    for _ in range(3):
        steps.append(w)
        w -= 0.01 * 9 * w**2  # E = 3 w³
    assert [step.forward["p"] for step in solution.steps] == pytest.approx([3 * w for w in steps])
    assert solution.final == pytest.approx({"w": w, "unused": 5})
    assert solution.partials == solve(parse_sheet(text)).partials


def test_several_steps_are_printed_under_headings_and_listed_in_json() -> None:
    one, two = (parse_sheet(TWO.replace("rate = 0.5", f"rate = 0.01\nsteps = {n}")) for n in (1, 2))
    lines = list(solution_lines(solve(two)))
    assert [line for line in lines if "Step" in line] == ["Step 1 of 2", "Step 2 of 2"]
    alone = list(solution_lines(solve(one)))
    assert lines[2 : 2 + len(alone)] == alone
    assert "  w = 1.640 - 0.01 × 24.21 = 1.3979" in lines
    again = solve(two).as_json()
    assert [step["updated"] for step in again["steps"]] == [s.updated for s in solve(two).steps]
    assert {name: again[name] for name in ("forward", "partials", "updated")} == again["steps"][0]
    assert "steps" not in solve(one).as_json()


def test_a_step_that_fails_is_named() -> None:
    text = TWO.replace('"p*q"', '"p*q + log(w)"').replace("rate = 0.5", "rate = 0.5\nsteps = 2")
    with pytest.raises(SheetError, match=r"E = .* is nan: .*, in step 2$"):
        solve(parse_sheet(text))


def test_a_loss_without_parameters_and_an_infinite_slope_are_refused() -> None:
    with pytest.raises(SheetError, match="E does not depend on any parameter"):
        solve(parse_sheet(TWO.replace('"p*q"', '"x + 1"')))
    with pytest.raises(SheetError, match=r"dE/dw is inf; it has no update"):
        solve(parse_sheet(TWO.replace('"p*q"', '"sqrt(w - 2) + p"')))


GATES = """
[given]
x = -2
[parameters]
y = 5
z = 4
w = 3
[forward]
q = "x + y"
m = "max(q, z, w)"
s = "sin(pi*w/12) + ln(e^2)"
f = "q*m + s"
[update]
loss = "f"
rate = 0.1
"""


def test_a_circuit_of_gates_with_max_and_constants() -> None:
    """By hand: max passes its gradient on to the largest; the sine of a quarter of pi."""
    solution = solve(parse_sheet(GATES))
    root = math.sqrt(0.5)
    assert solution.forward == pytest.approx({"q": 3, "m": 4, "s": root + 2, "f": 14 + root})
    slopes = {"df/dy": 4, "df/dz": 3, "df/dw": root * math.pi / 12}
    assert solution.partials == pytest.approx(slopes)
    assert any("[z > max(q, w)]" in line for line in solution_lines(solution))


def test_pi_and_e_are_what_the_sheet_calls_so() -> None:
    text = GATES.replace("x = -2", "x = -2\npi = 3").replace("z = 4", "z = 4\ne = 1")
    assert solve(parse_sheet(text)).forward["s"] == pytest.approx(math.sin(0.75))
    below = GATES.replace('f = "q*m + s"', 'f = "q*m + s"\npi = "f"')
    with pytest.raises(SheetError, match="s uses pi, which stands below it"):
        parse_sheet(below)


def test_a_sheet_with_constants_can_be_read_back_in() -> None:
    sheet = parse_sheet(GATES)
    again = parse_sheet(sheet_text(sheet))
    assert solve(again).partials == solve(sheet).partials


def test_a_value_that_is_0_but_for_rounding_is_0() -> None:
    """0.1 + 0.2 - 0.3 is 5.55e-17 in a computer, and 0 for who adds by hand."""
    text = (
        "[given]\na = 0.1\nb = 0.2\n[parameters]\nw = -0.3\n[forward]\nz = 'a + b + w'\n"
        "m = 'w*relu(a + b + w) / 3'\nh = 'tanh(z)'\nsmall = '0.00000000000003*w'\n"
        "E = '(h - 1)**2'\n"
        "[answers.forward]\nz = '0'\nm = '0'\nh = '0'\nsmall = '-9e-15'\n"
    )
    sheet = parse_sheet(text)
    assert [*solve(sheet).forward.values()][:3] == [0.0, 0.0, 0.0]
    assert solve(sheet).forward["small"] == pytest.approx(-9e-15, rel=1e-12)
    assert {item.verdict for item in mark(sheet).items} == {"exact"}
    written = key(sheet).answers.forward
    assert [written[name] for name in ("z", "m", "h")] == ["0", "0", "0"]
