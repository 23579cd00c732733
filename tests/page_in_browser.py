"""What the tests of the page in a browser share: graphs, and what a reader sees of them."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any

from playwright.sync_api import Locator, Page

from tinygrad_hw import Value, group
from tinygrad_hw.engine import ops
from tinygrad_hw.explain import page_html
from tinygrad_hw.explain.stepper.frames import FORWARD, Steps
from tinygrad_hw.formatting.numbers import number
from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet.feedback.interactive_page import sheet_page
from tinygrad_hw.worksheet.sheet.reader import read_sheet

WIDTHS = [360, 1280, 1920, 3840]
UNKNOWN = "·"
Open = Callable[..., Page]


# --- Graphs ---------------------------------------------------------------------------------------


def named(value: Value, label: str) -> Value:
    value.label = label
    return value


OWN = {"w0": 0.7, "w1": -1.3, "w2": 0.25, "w3": 1.9, "x0": -0.6, "x1": 2.5}


def own(numbers: dict[str, float], seed: int = 24) -> Value:
    """A graph of a user's own: chosen by chance, some nodes named, some used several times."""
    rng = random.Random(seed)
    nodes = [Value(x, name, constant=name[0] == "x") for name, x in numbers.items()]
    made: list[Callable[[Value, Value], Value]] = [
        lambda a, b: a * b,
        lambda a, b: a - b,
        lambda a, b: a * a,
        lambda a, b: ops.tanh(a),
        lambda a, b: ops.relu(a) + 0.5 * b,
        lambda a, b: a / (1.5 + b * b),
        ops.maximum,
    ]
    with group("blend"):
        nodes.append(named(ops.sigmoid(nodes[0] * nodes[4] + nodes[1]), "s"))
    for i in range(7):
        node = rng.choice(made)(rng.choice(nodes), rng.choice(nodes[-4:]))
        if rng.random() < 0.6:
            node.label = f"v{i}"
        nodes.append(node)
    total = nodes[0]
    for node in nodes[1:]:
        total = total + node * 0.5
    return named(total, "E")


def changed(name: str, **numbers: float) -> Value:
    """The graph of a sheet, or the user's own, computed by Python from these numbers."""
    if name == "own":
        return own(OWN | numbers)
    sheet = read_sheet(sheet_path(name))
    for parameter, x in numbers.items():
        (sheet.given if parameter in sheet.given else sheet.parameters)[parameter] = x
    return sheet.evaluate()[sheet.loss]


@cache
def page_of(name: str) -> str:
    return page_html(own(OWN)) if name == "own" else sheet_page(read_sheet(sheet_path(name)))


# --- What a reader sees ---------------------------------------------------------------------------

SEEN = """() => {
  const isSeen = (e) => e.checkVisibility({visibilityProperty: true});
  const seen = (selector, within = document) =>
    [...within.querySelectorAll(selector)].filter(isSeen);
  const texts = (e) => seen("text", e).map((t) => t.textContent);
  const [svg, ...others] = seen("svg");
  if (others.length) throw Error("two drawings at once");
  const label = (e) => e.getAttribute("aria-label");
  const rows = seen("[role=button]", svg).filter((e) => /, (value |not computed)/.test(label(e)));
  const place = (id) => {
    const box = document.getElementById(id).getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const titles = seen(".title", svg).map((e) => e.textContent);
  const named = ([said, name, ...numbers]) => {  // a title may stand for the name
    const title = said.split(", ")[0];
    return [said, name || (titles.includes(title) ? title : ""), ...numbers];
  };
  return {
    rows: rows.map((row) => named([label(row), ...texts(row)])),
    chip: seen(".chip", svg).flatMap(texts),
    wires: seen(".edge", svg).flatMap(texts),
    lit: rows.filter((row) => row.classList.contains("lit")).map(label),
    from: rows.filter((row) => row.classList.contains("from")).map(label),
    litEdges: seen(".edge.lit", svg).length,
    said: document.getElementById("said").textContent,
    count: document.getElementById("count").textContent,
    current: seen("[aria-current=step]").map((e) => e.textContent),
    steps: seen("ol > li").map((e) => e.textContent),
    position: ["value", "max"].map((name) => document.getElementById("position")[name]),
    forth: place("forth"),
    back: place("back"),
  };
}"""


def seen(page: Page) -> dict[str, Any]:
    """All that is to be seen of a step, without the places of the buttons."""
    found: dict[str, Any] = page.evaluate(SEEN)
    del found["forth"], found["back"]
    return found


def pressed(page: Page, button: str, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """What is seen after a click by the mouse, at the place where the button was seen last."""
    found = before or page.evaluate(SEEN)
    page.mouse.click(*found[button])
    after: dict[str, Any] = page.evaluate(SEEN)
    return after


def told_by_engine(view: Steps) -> Iterator[dict[str, Any]]:
    """What is to be seen before the first step and at each, by the engine's numbers alone."""
    homes = view.layout.homes
    values = {id(node) for node in view.leaves}
    sums: dict[int, str] = {}
    passed: Counter[str] = Counter()

    def rows() -> Counter[tuple[str, ...]]:
        found = []
        for node in view.nodes:
            name, is_known = view.name(node), id(node) in values
            value = number(float(node.raw)) if is_known else UNKNOWN
            label = f"{name}, value {value}" if is_known else f"{name}, not computed yet"
            texts = [name if node.label else "", value]
            if id(node) in view.layout.gradients:
                gradient = sums.get(id(node))
                label += f", gradient {gradient}" if gradient else ""
                texts.append(gradient or UNKNOWN)
            found.append((label, *texts))
        return Counter(found)

    yield {"said": None, "rows": rows(), "chip": [], "wires": Counter(passed), "names": ([], [])}
    for frame in view:
        chip: list[str] = []
        arriving: list[str] = []
        names: tuple[list[str], list[str]] = ([view.name(frame.node)], [])
        if frame.phase == FORWARD:
            values.add(id(frame.node))
        else:
            sums[id(frame.node)] = number(view.numbers[frame.gradient_key])
        if frame.edge is not None:
            edge = frame.edge
            local, contribution = number(edge.local), number(edge.contribution)
            upstream = number(view.layout.gradients[id(edge.node)])
            chip = [f"{local} × {upstream} = {contribution}"]
            names[1].append(view.name(edge.node))
            if homes[id(edge.node)] is not homes[id(edge.operand)]:
                arriving = [local, f"→ {contribution}"]
        yield {
            "said": frame.sentence,
            "rows": rows(),
            "chip": chip,
            "wires": Counter(passed),
            "names": names,
        }
        passed.update(arriving)


def plain(text: str) -> str:
    """An equation without the brackets that a reader needs and a comparison does not."""
    return re.sub(r"\((-[^()]*)\)", r"\1", text.replace("−", "-"))


def assert_seen(found: dict[str, Any], expected: dict[str, Any], place: int, count: int) -> None:
    assert Counter(map(tuple, found["rows"])) == expected["rows"]
    assert [plain(text) for text in found["chip"]] == expected["chip"]
    assert found["litEdges"] == len(expected["chip"])
    assert Counter(found["wires"]) == expected["wires"]
    for those, names in zip(("lit", "from"), expected["names"], strict=True):
        assert [re.split(", (?:value |not computed)", x)[0] for x in found[those]] == names
    assert found["count"].split(",")[0] == f"{place + 1} of {count}"
    assert found["position"] == [str(place + 1), str(count)]
    if expected["said"] is None:
        assert found["current"] == []
        assert found["said"]
    else:
        assert [found["said"]] == found["current"] == [expected["said"]]


def view_of(page: Page, unfolded: bool) -> Page:
    if unfolded:
        page.locator("#fold").click()
    return page


# --- Sliders, keys and widths -------------------------------------------------------------------


def slider(page: Page, name: str) -> Locator:
    return page.locator("#inputs").get_by_role("slider", name=begins(name))


def field(page: Page, name: str) -> Locator:
    return page.locator("#inputs").get_by_role("spinbutton", name=begins(name))


def begins(name: str) -> re.Pattern[str]:
    return re.compile(rf"^{re.escape(name)}(,|$)")


def type_in(page: Page, name: str, text: str) -> None:
    field(page, name).fill(text)
    field(page, name).press("Enter")


ABOUT = """(html) => {
  const page = html ? new DOMParser().parseFromString(html, "text/html") : document;
  return [...page.querySelectorAll("#about article")].map((article) =>
    [...article.children].filter((e) => !e.matches("table")).map((e) => e.textContent));
}"""


PAPER = "() => getComputedStyle(document.body).backgroundColor"


STYLES = """() => {
  const look = (e) => [e, ...e.querySelectorAll("rect, text")].map((part) => {
    const s = getComputedStyle(part);
    const width = Math.floor(parseFloat(s.strokeWidth) / 0.6);  // half a pixel more is not seen
    return [s.outlineStyle, s.outlineWidth, s.boxShadow, s.stroke, s.strokeDasharray, width,
      s.textDecoration, s.borderColor].join();
  }).join("|");
  const stops = [...document.querySelectorAll(
    "button:not(:disabled), input, select, textarea, summary, a[href], [tabindex='0']")].filter(
    (e) => e.checkVisibility({visibilityProperty: true}));
  window.looks = new Map(stops.map((e) => [e, look(e)]));
  window.focused = () => {
    const e = document.activeElement;
    if (e === document.body) return null;
    const box = e.getBoundingClientRect();
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const text = e.getAttribute("aria-label") || e.textContent || e.id;
    return {
      place: stops.indexOf(e),
      what: `${e.tagName} ${text}`,
      isMarked: !looks.has(e) || look(e) !== looks.get(e),
      isCovered: !(top && (e.contains(top) || top.contains(e))),
    };
  };
  return stops.length;
}"""


def net(sizes: list[int]) -> Value:
    """A net of named neurons, each in its group."""
    values = [Value(0.3 * i - 0.5, f"x{i}", constant=True) for i in range(sizes[0])]
    for layer, (inputs, outputs) in enumerate(pairwise(sizes), 1):
        made = []
        for j in range(outputs):
            with group(f"a{layer}{j}"):
                z = Value(0.1, f"b{layer}{j}")
                for i in range(inputs):
                    z = z + Value(0.2 * (i - j) + 0.1, f"w{layer}{j}{i}") * values[i]
                made.append(named(ops.tanh(z), f"a{layer}{j}"))
        values = made
    total = values[0]
    for value in values[1:]:
        total = total + value * value
    return named(total, "E")


SIDEWAYS = "() => document.documentElement.scrollWidth - innerWidth"
