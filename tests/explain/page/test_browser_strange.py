"""The page in Chromium: no network, strange names, and large graphs."""

from __future__ import annotations

import html
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from page_in_browser import SIDEWAYS, WIDTHS, Open, named, page_of, seen, told_by_engine, type_in
from playwright.sync_api import Browser, Request, expect

import tinygrad_hw
from tinygrad_hw import Value, group
from tinygrad_hw.engine import ops
from tinygrad_hw.explain import page_html
from tinygrad_hw.explain.graph.folding import fold, unfold
from tinygrad_hw.explain.stepper.frames import Steps
from tinygrad_hw.formatting.numbers import number

# --- Offline --------------------------------------------------------------------------------------


ATTEMPTS = """async () => {
  const refused = [];
  document.addEventListener("securitypolicyviolation", (e) => refused.push(e.violatedDirective));
  const image = new Image();
  image.src = "http://127.0.0.1:9/image";
  const frame = document.createElement("iframe");
  frame.src = "http://127.0.0.1:9/frame";
  const script = document.createElement("script");
  script.src = "http://127.0.0.1:9/script";
  const style = document.createElement("style");
  style.textContent = "@import url(http://127.0.0.1:9/style);";
  document.body.append(image, frame, script, style);
  await fetch("http://127.0.0.1:9/fetch").catch(() => 0);
  await new Promise((done) => setTimeout(done, 300));
  return refused;
}"""


def test_nothing_can_be_asked_of_a_network(browser: Browser, tmp_path: Path) -> None:
    """The page's policy refuses whatever is tried; without it, the same requests are seen."""

    def attempt(name: str, text: str) -> tuple[set[str], dict[str, str]]:
        """What the policy refused, and what became of each request."""
        path, failed = tmp_path / name, {}
        path.write_text(text, encoding="utf-8")
        context = browser.new_context()

        def note(request: Request) -> None:
            failed[request.url.rpartition("/")[2]] = str(request.failure)

        context.on("requestfailed", note)
        page = context.new_page()
        page.goto(path.as_uri())
        refused = set(page.evaluate(ATTEMPTS))
        context.close()
        return refused, failed

    refused, failed = attempt("page.html", page_of("q1a"))
    assert refused == {"img-src", "frame-src", "script-src-elem", "style-src-elem", "connect-src"}
    assert [why for why in failed.values() if "csp" not in why.lower()] == []
    refused, failed = attempt("control.html", "<!DOCTYPE html><body>")
    assert refused == set()
    assert failed.keys() >= {"image", "fetch", "script", "style"}
    assert [why for why in failed.values() if "csp" in why.lower()] == []


def test_where_scripts_do_not_run_the_page_says_what_to_do(browser: Browser) -> None:
    """As in a course system that shows the file within its own page."""
    page = browser.new_page()
    for sandbox, is_said in (("allow-scripts", False), ("", True)):
        text = html.escape(page_of("q1a"))
        page.set_content(f'<iframe sandbox="{sandbox}" srcdoc="{text}" width=900 height=700>')
        frame = page.frame_locator("iframe")
        expect(frame.locator("h1")).to_be_visible()
        assert frame.locator("noscript").is_visible() == is_said
    page.close()


# --- Strange names and large graphs ---------------------------------------------------------------

HOSTILE = [
    "<script>window.hacked = 1; alert(1)</script>",
    "</script><img src=x onerror='window.hacked = 1; alert(2)'>",
    '"><svg onload=alert(3)>',
    "' onfocus='alert(4)' autofocus='",
    "<!--<script>",
    "${alert(5)}`\\",
    "]]></svg><style>*{display:none}</style>",
    "javascript:alert(6)",
    "\u202egnp.exe\u2066",
    "a\x00b\x1b[31m\u2028c",
    "__proto__",
    "constructor",
    "ü名😀",
    "long " * 400,
    "W" * 3000,
]


def hostile(x: float = 0.5) -> Value:
    total = Value(x, "first")
    with group("<b>group</b><script>alert(7)</script>"):
        total = ops.tanh(total * 2.0)
    for i, label in enumerate(HOSTILE):
        total = named(total * Value(0.5 + i / 10, label) + Value(0.1, label, constant=True), label)
    return named(total, "E")


def test_hostile_names_run_nothing_and_break_nothing(opened: Open, tmp_path: Path) -> None:
    root = hostile()
    tinygrad_hw.page(root, tmp_path / "x.html", title="<script>alert(0)</script>" + HOSTILE[-1])
    page = opened((tmp_path / "x.html").read_text(encoding="utf-8"))
    for _ in range(2):
        page.keyboard.press("n")
        page.keyboard.press("End")
        found = seen(page)
        count = found["count"].split(",")[0].split(" of ")
        assert count[0] == count[1] == str(len(found["steps"]))
        assert found["said"] == found["steps"][-1]
        values = [row[0].rpartition(", value ")[2] for row in found["rows"]]
        assert f"{number(root.data)}, gradient 1" in values
        page.locator("#fold").click()
    type_in(page, "first", "-0.25")
    page.keyboard.press("Escape")
    values = [row[0].rpartition(", value ")[2] for row in seen(page)["rows"]]
    assert f"{number(hostile(-0.25).data)}, gradient 1" in values
    for row in page.locator("svg:visible [role=button]").all():
        row.focus()
        page.keyboard.press("Enter")
        if row.is_hidden():  # it was a box, which is another view now
            page.keyboard.press("u")
    assert page.evaluate("() => window.hacked") is None
    assert page.locator("script").count() == 3
    assert page.locator("b, img, iframe").count() == 0
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(SIDEWAYS) <= 0


def long_line(x: float = 0.5) -> Value:
    """1,998 nodes, one after the other."""
    value = Value(x, "x")
    for i in range(1330):
        value = ops.tanh(value) if i % 2 else value + 0.125
    return named(value * 2.0, "E")


def network(x: float = 0.5) -> Value:
    """About 300 nodes with many operands of one result."""
    rng = random.Random(1)
    given = [Value(rng.uniform(-1, 1), f"x{i}", constant=True) for i in range(14)]
    total = Value(x, "x")
    for j in range(6):
        z = Value(0.0, f"b{j}")
        for i, operand in enumerate(given):
            z = z + Value(rng.uniform(-1, 1), f"w{j}_{i}") * operand
        total = total + named(ops.tanh(named(z, f"z{j}")), f"a{j}") * Value(0.3, f"v{j}")
    return named(total * total, "E")


@pytest.mark.parametrize("make", [network, long_line])
def test_a_large_graph_opens_steps_and_moves(make: Callable[..., Value], opened: Open) -> None:
    page = opened(page_html(make()))
    views = [Steps(fold(make(), most_boxes=2000)), Steps(unfold(make(), 2000))]
    assert len(views[1].nodes) == {network: 298, long_line: 1998}[make]
    for view in views if page.locator("#fold").count() else views[1:]:
        for i in range(3):
            page.keyboard.press("n")
            expect(page.locator("#said")).to_have_text(view[i].sentence)
        page.keyboard.press("End")
        found = seen(page)
        assert found["said"] == view[-1].sentence
        assert found["count"].startswith(f"{len(view)} of {len(view)}")
        expected = list(told_by_engine(view))[-1] if make is network else None
        assert expected is None or Counter(map(tuple, found["rows"])) == expected["rows"]
        assert len(found["rows"]) == len(view.nodes)
        page.keyboard.press("p")
        expect(page.locator("#said")).to_have_text(view[-2].sentence)
        page.keyboard.press("u")
    page.keyboard.press("End")
    type_in(page, "x", "-0.3")
    root = make(-0.3)
    assert f"E, value {number(root.data)}, gradient 1" in {row[0] for row in seen(page)["rows"]}


def test_formulas_have_their_own_face(opened: Open) -> None:
    """Without a face that knows mathematics subscripts are not small."""
    page = opened(page_of("q1a"))
    faces = """async () => {
      await document.fonts.ready;
      return [...document.fonts].map((face) => [face.family.replaceAll('"', ""), face.status]);
    }"""
    assert page.evaluate(faces) == [["STIX Two Math", "loaded"]]
    assert "STIX Two Math" in page.evaluate(
        "() => getComputedStyle(document.querySelector('math')).fontFamily"
    )
