"""The main job, cut to one epoch: what it leaves behind."""

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import sync_playwright
from rich.console import Console

from tinygrad_hw.data import load
from tinygrad_hw.files import OutputError, refuse_to_destroy
from tinygrad_hw.homework.run import _outputs, _unfinished_folder, run


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write every fiftieth image as Keras's mnist.npz."""
    whole = load()
    path = tmp_path_factory.mktemp("data") / "mnist.npz"
    np.savez(
        path,
        **{name: getattr(whole, name)[::50] for name in ("x_train", "y_train", "x_test", "y_test")},
    )
    return path


@pytest.fixture(scope="module")
def done(small_set: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("out") / "deep" / "report"
    printed = io.StringIO()
    console = Console(file=printed, width=80)
    run(out, digits=(4, 9), data=small_set, epochs=2, seed=3, console=console)
    return out, printed.getvalue()


def test_it_leaves_a_report_the_numbers_and_the_figures(done: tuple[Path, str]) -> None:
    out, _ = done
    assert sorted(path.name for path in out.iterdir()) == [
        "figures",
        "pages",
        "report.html",
        "results.json",
    ]
    for name in ("q1a", "q1b"):
        linked = re.findall(
            rf'href="(pages/{name}.html)"', (out / "report.html").read_text("utf-8")
        )
        assert "Step by step" in (out / linked[0]).read_text("utf-8")
    assert all(path.suffix == ".svg" for path in (out / "figures").iterdir())
    assert "<h1" in (out / "report.html").read_text("utf-8")


def test_the_numbers_have_the_promised_shape(done: tuple[Path, str]) -> None:
    results = json.loads((done[0] / "results.json").read_text("utf-8"))
    for name in ("q1a", "q1b"):
        assert results[name].keys() == {"forward", "partials", "updated"}
        assert len(results[name]["partials"]) == 13
        marked = results["marks"][name]
        assert len(marked["wrong"]) == marked["summary"]["wrong"]
    networks = [results["binary"], results["ten"], *results["initializers"].values()]
    for network in networks:
        promised = {"test_accuracy", "test_loss", "confusion", "epochs", "seconds"}
        assert promised <= network.keys()
        counts = np.array(network["confusion"])
        assert np.trace(counts) / counts.sum() == pytest.approx(network["test_accuracy"])
        assert network["epochs"] == 2
    assert list(results["initializers"]) == [
        "GlorotNormal",
        "HeNormal",
        "RandomNormal",
        "GlorotUniform",
    ]
    assert "macro avg" in results["ten"]["report"]
    assert results["seconds"] > 0


def test_a_plain_file_gets_plain_lines(done: tuple[Path, str]) -> None:
    out, printed = done
    lines = printed.splitlines()
    assert len(lines) == 8  # that it begins, six networks, and where to look
    assert lines[-1].endswith(f"Open {out / 'report.html'}")
    assert "\x1b" not in printed


def test_the_same_seed_gives_the_same_numbers(
    done: tuple[Path, str], small_set: Path, tmp_path: Path
) -> None:
    run(tmp_path, (4, 9), small_set, epochs=2, seed=3, console=Console(file=io.StringIO()))
    first, second = (
        json.loads((folder / "results.json").read_text("utf-8")) for folder in (done[0], tmp_path)
    )
    assert first["ten"]["history"] == second["ten"]["history"]
    assert (
        first["initializers"]["HeNormal"]["test_loss"]
        == (second["initializers"]["HeNormal"]["test_loss"])
    )


def test_nothing_is_changed_when_the_work_fails(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("of yesterday")

    def work() -> None:
        with _unfinished_folder(tmp_path) as folder:
            (folder / "report.html").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "of yesterday"


def test_what_a_killed_run_has_left_is_removed_by_the_next(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for process in (str(ended.pid), str(os.getppid()), "mine"):
        (tmp_path / f".unfinished-{process}/pages").mkdir(parents=True)
    with _unfinished_folder(tmp_path) as folder:
        (folder / "report.html").write_text("new")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f".unfinished-{os.getppid()}", ".unfinished-mine", "report.html"}


def test_a_report_is_whole_or_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("of yesterday")
    (tmp_path / "b.html/kept").mkdir(parents=True)

    def work() -> None:
        with _unfinished_folder(tmp_path) as folder:
            for name in ("a.html", "b.html"):
                (folder / name).write_text("new")

    with pytest.raises(OutputError, match=r"b\.html"):
        work()
    assert (tmp_path / "a.html").read_text() == "of yesterday"
    assert {path.name for path in tmp_path.iterdir()} == {"a.html", "b.html"}


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputError, match=r"cannot write to .*file: .*; give another folder"),
        _unfinished_folder(tmp_path / "file"),
    ):
        pass


def test_a_second_report_replaces_the_first(done: tuple[Path, str], tmp_path: Path) -> None:
    """Each file of a report is known for one, and everything else is not."""
    out = tmp_path / "out"
    refuse_to_destroy(_outputs(done[0], out))
    shutil.copytree(done[0], out)
    outputs = _outputs(done[0], out)
    assert len(outputs) == 23
    for output in outputs:
        other = replace(output, content=output.content + b" ")
        refuse_to_destroy([other])
        output.path.write_text("mine")
        with pytest.raises(OutputError, match="is there already"):
            refuse_to_destroy([other])
        refuse_to_destroy([other], force=True)


CHROMIUM = shutil.which("chromium")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
def test_the_report_opens_without_a_network_and_its_pad_answers(done: tuple[Path, str]) -> None:
    address, wrong = (done[0] / "report.html").as_uri(), []
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, 784).astype(float)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 360, "height": 640})
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda r: r.url.startswith((address, "data:")) or wrong.append(r.url))
        page.goto(address)
        data = json.loads(page.locator("#pad-data").text_content() or "")
        shown = page.evaluate("(x) => [...pad.show(Float32Array.from(x)).probabilities]", [*pixels])
        said = page.locator("#pad-says").text_content()
        sideways = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        faces = page.evaluate("() => [...document.fonts].map((face) => face.family)")
        browser.close()
    texts = data["weights"].values()
    w1, b1, w2, b2 = (np.frombuffer(base64.b64decode(x), "<f4").astype(float) for x in texts)
    z = np.maximum(pixels / 255 @ w1.reshape(784, 128) + b1, 0) @ w2.reshape(128, 10) + b2
    p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    np.testing.assert_allclose(shown, p, rtol=0, atol=1e-5)
    assert said == f"It says {p.argmax()}, with probability {shown[p.argmax()]:.4f}."
    assert (wrong, sideways <= 0) == ([], True)
    assert faces == ["STIX Two Math"]  # of formulas
