"""The verb that trains, and the one that uses what was trained."""

import itertools
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from PIL import Image

from tinygrad_hw.nn.layers import Concatenate, Conv2D, Dense, Flatten, Input, Rescaling, Reshape
from tinygrad_hw.nn.models import Model, Sequential, load_model

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def trained(run: Run, bars: Path) -> str:
    options = ("--data", str(bars), "--layers", "36-8-3", "--epochs", "40", "--lr", "0.02")
    status, out, error = run("train", *options, "-o", "m.safetensors")
    assert (status, error) == (0, "")
    return out


def test_training_tells_of_its_data_its_epochs_and_its_outcome(trained: str) -> None:
    lines = trained.splitlines()
    assert re.fullmatch(
        r".*bars\.npz: 60 examples of 3 classes, 30 to test\. Network: 36-8-3", lines[0]
    )
    assert lines[1].startswith("Epoch 1/40 - loss: ")
    assert "val_accuracy" in lines[1]
    assert re.fullmatch(
        r"Test accuracy 1\.0000: 0 errors in 30; loss [\d.]+, epoch \d+ of \d+, \d+ s", lines[-2]
    )
    assert lines[-1] == "Model: m.safetensors"
    model = load_model("m.safetensors")
    assert model.trained_on["class_names"] == ["0", "1", "2"]
    assert [w.shape for w in model.get_weights()] == [(36, 8), (8,), (8, 3), (3,)]


def test_predictions_on_data(run: Run, trained: str, bars: Path) -> None:
    status, out, _ = run("predict", "m.safetensors", str(bars))
    lines = out.splitlines()
    assert status == 0
    assert lines[0] == f"{bars}, x_test: 30 examples"
    assert re.fullmatch(r"  1  1  [01]\.\d{4}  \(label 1\)", lines[2])
    assert lines[-2:] == [
        "  and 20 more; -o FILE.csv writes all",
        "Accuracy 1.0000: 0 errors",
    ]
    assert run("predict", "m.safetensors", str(bars), "-o", "p.csv")[0] == 0
    found = pandas.read_csv("p.csv")
    x = np.load(bars)["x_test"]
    outputs = load_model("m.safetensors").predict(x, verbose=0)
    np.testing.assert_allclose(found[["p(0)", "p(1)", "p(2)"]], outputs, atol=1e-6)
    assert (found["predicted"] == outputs.argmax(axis=1)).all()
    assert (found["label"] == np.load(bars)["y_test"]).all()
    np.savez("alone.npz", x=x)
    out = run("predict", "m.safetensors", "alone.npz")[1]
    assert "label" not in out
    assert "Accuracy" not in out


@pytest.mark.parametrize("light", [False, True])
def test_predictions_on_an_image_of_either_background(run: Run, trained: str, light: bool) -> None:
    pixels = np.zeros((6, 6), np.uint8)
    pixels[2, 1:5] = 210
    colored = np.stack([255 - pixels if light else pixels] * 3, axis=-1)
    Image.fromarray(colored).resize((60, 60), Image.Resampling.NEAREST).save("a.png")
    status, out, error = run("predict", "m.safetensors", "a.png")
    assert (status, error) == (0, "")
    lines = out.splitlines()
    assert len(lines) == 5
    names = [line.split()[0] for line in lines[1:4]]
    values = [float(line.split()[1]) for line in lines[1:4]]
    assert lines[0] == f"a.png: {names[0]}, probability {values[0]:.4f}"
    model = load_model("m.safetensors")
    wanted = np.sort(model.predict(pixels[None], verbose=0)[0])[::-1]
    np.testing.assert_allclose(values, wanted, atol=6e-5)
    assert lines[4] == "The image: 60 × 60 pixels, made gray, resized to 6 × 6" + light * (
        ", inverted, since its background is light and that of the training images dark"
    )
    assert names[0] == "1"


def test_an_image_of_other_proportions_is_not_distorted(run: Run, trained: str) -> None:
    pixels = np.zeros((60, 120), np.uint8)
    pixels[20:30, 40:80] = 210
    Image.fromarray(pixels).save("wide.png")
    out = run("predict", "m.safetensors", "wide.png")[1]
    assert out.endswith("The image: 120 × 60 pixels, resized to 6 × 3, set into 6 × 6\n")


def test_a_folder_of_images(run: Run, trained: str) -> None:
    Path("mine").mkdir()
    for i, name in enumerate(["=a.png", "b.png"]):
        pixels = np.zeros((12, 12), np.uint8)
        pixels[2 * i + 2 : 2 * i + 4, 2:10] = 210
        Image.fromarray(pixels).save(f"mine/{name}")
    status, out, _ = run("predict", "m.safetensors", "mine")
    assert status == 0
    first, second = out.splitlines()
    assert re.fullmatch(r"  =a\.png  0  0\.\d{4}  \(12 × 12 pixels, resized to 6 × 6\)", first)
    assert second.startswith("  b.png  1  ")
    assert run("predict", "m.safetensors", "mine", "-o", "p.csv")[1] == "Predictions: p.csv\n"
    lines = Path("p.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [["'=a.png", "0"], ["b.png", "1"]]


def test_a_table_of_two_classes(run: Run, table: Path) -> None:
    status, out, _ = run("train", "--data", str(table), "--epochs", "20", "-o", "m.safetensors")
    assert status == 0
    assert "table.csv: 40 examples of 2 classes. Network: 1-128-1\n" in out
    assert "Validation accuracy" in out
    Path("new.csv").write_text("size\n3\n104\n")
    assert run("predict", "m.safetensors", "new.csv", "-o", "p.csv")[0] == 0
    lines = Path("p.csv").read_text().splitlines()
    assert lines[0] == "example,predicted,probability,p(=no),p(yes)"
    assert [line.split(",")[1] for line in lines[1:]] == ["yes", "'=no"]
    for line in lines[1:]:
        *_, p_no, p_yes = line.split(",")
        assert float(p_no) + float(p_yes) == pytest.approx(1, abs=2e-6)


def test_columns_are_found_by_name(run: Run) -> None:
    Path("a.csv").write_text("a,b,label\n" + "".join(f"{i % 2},7,{i % 2}\n" for i in range(20)))
    Path("b.csv").write_text("b,a\n7,1\n")
    Path("c.csv").write_text("a,b\n1,7\n")
    options = ("--epochs", "2", "-o", "m.safetensors")
    assert run("train", "--data", "a.csv", *options)[0] == 0
    first, second = (run("predict", "m.safetensors", name)[1] for name in ("b.csv", "c.csv"))
    assert first.replace("b.csv", "c.csv") == second


def test_the_column_that_is_no_feature_is_that_of_the_classes(run: Run) -> None:
    """It need not be said a second time how the column of classes is called."""
    rows = "".join(f"{i % 2},{'ab'[i % 2]}\n" for i in range(20))
    Path("t.csv").write_text("size,kind\n" + rows)
    assert run("train", "--data", "t.csv", "--label", "kind", "-o", "m.safetensors")[0] == 0
    status, out, _ = run("predict", "m.safetensors", "t.csv")
    assert status == 0
    assert "(label a)" in out
    assert out.endswith("Accuracy 1.0000: 0 errors\n")


def test_without_data_it_is_the_packages_mnist(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    def stop(settings: Any, examples: Any, **options: Any) -> None:
        given.append((settings, examples))
        raise KeyboardInterrupt

    monkeypatch.setattr("tinygrad_hw.runs.train", stop)
    status, out, error = run("train", "-o", "m.safetensors")
    assert (status, error) == (130, "\ntinygrad-hw: stopped\n")
    assert out == "MNIST: 60,000 examples of 10 classes, 10,000 to test. Network: 784-128-10\n"
    assert given[0][0].epochs == 20
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("train", "the following arguments are required: -o/--out"),
        ("train -o m.h5", "-o is m.h5; give a name that ends in .safetensors"),
        ("train -o d.safetensors", "-o is d.safetensors, a folder; give the name of a file"),
        ("train -o m.csv/m.safetensors", "m.csv cannot be written to; give another place"),
        ("train -o there.safetensors", "there.safetensors is there already; give another name"),
        ("train -o m.safetensors --epochs 0", "--epochs is 0; give 1 to 100,000"),
        ("train -o m.safetensors --lr x", "argument --lr: invalid float value: 'x'"),
        ("train -o m.safetensors --data no", "no: is not there; expected a folder, a .npz or"),
        ("train -o m.safetensors --data m.csv", "m.csv: row 1, column 'a' is 'x'; expected a"),
        ("train -o m.safetensors --data bars.npz --layers 36-4", "end with 3"),
        ("train -o m.safetensors --data bars.npz --layers no.json", "no.json: cannot be opened"),
        ("train -o m.safetensors --data bars.npz --layers x.json", "x.json: expected the text of"),
        ("train -o m.safetensors --data bars.npz --layers s.json", "s.json ends with softmax outp"),
        ("train -o m.safetensors --data m2.csv --layers s.json", "s.json takes examples of shape"),
        (
            "train -o m.safetensors --data bars.npz --layers 2.json",
            "2.json takes several inputs at",
        ),
        ("predict two.safetensors bars.npz", "two.safetensors takes several inputs at once; give"),
        (
            "train -o m.safetensors --data bars.npz --layers s.json --activation tanh",
            "--activation is given, and s.json has its own; leave one out",
        ),
        ("predict there.safetensors bars.npz", "there.safetensors is no safetensors file"),
        ("predict no.safetensors bars.npz", "there is no file no.safetensors"),
        (
            "predict good.safetensors",
            "MNIST, test: has examples of shape (28, 28); expected (6, 6)",
        ),
        ("predict good.safetensors no.png", "no.png: cannot be opened (No such file"),
        ("predict good.safetensors bad.png", "bad.png: is no image; expected PNG, JPEG or"),
        ("predict good.safetensors good.csv", "good.csv: is of another kind; expected no table"),
        ("predict good.safetensors flat.npz", "flat.npz, x: has examples of shape (36,); expe"),
        ("predict good.safetensors real.npz", "real.npz, x: holds float32; expected bytes 0 to"),
        ("predict good.safetensors new.npz", "new.npz, x: example 0 has the label '9'; expected"),
        ("predict good.safetensors bars.npz -o p.txt", "-o is p.txt; give the name of a .csv"),
        ("predict good.safetensors bars.npz -o m.csv", "m.csv is there already; give another"),
        ("predict good.safetensors bad.png -o p.csv", "-o is for data; what is seen in one"),
        ("predict own.safetensors bars.npz", "does not say which classes it was trained on"),
        ("predict size.safetensors a.png", "size.safetensors takes 1 numbers, no image; give"),
        ("predict size.safetensors good.csv", "good.csv: lacks the column 'size'; expected the"),
    ],
)
def test_what_is_wrong_is_one_line(
    run: Run, arguments: str, reason: str, bars: Path, made: None
) -> None:
    before = sorted(Path().iterdir())
    status, out, error = run(*arguments.split())
    assert status == 2
    assert reason in error
    assert error.startswith("tinygrad-hw: ")
    assert error.count("\n") == 1
    assert "Epoch" not in out
    assert sorted(Path().iterdir()) == before


@pytest.fixture
def made(run: Run, bars: Path, table: Path) -> None:
    """Make the files that are named above."""
    x, y = np.load(bars)["x_test"], np.load(bars)["y_test"]
    np.savez("flat.npz", x=x.reshape(30, 36), y=y)
    np.savez("real.npz", x=x / 1.0, y=y)
    np.savez("new.npz", x=x, y=y + 9)
    Path("d.safetensors").mkdir()
    Path("m.csv").write_text("a,label\nx,1\n")
    Path("m2.csv").write_text("a,label\n1,1\n2,2\n")
    Path("x.json").write_text("mine")
    layers = [Input((6, 6)), Flatten(), Dense(4, "softmax")]
    Path("s.json").write_text(Sequential(layers).to_json())
    inputs = [Input((2,)), Input((3,))]
    two = Model(inputs, Dense(3, "softmax")(Concatenate()(inputs)))
    two.trained_on = {"class_names": ["a", "b", "c"]}
    two.save("two.safetensors")
    Path("2.json").write_text(two.to_json())
    Path("good.csv").write_text("a,label\n1,1\n")
    Path("there.safetensors").write_text("mine")
    Path("bad.png").write_text("mine")
    Image.new("L", (4, 4)).save("a.png")
    for name, data in [("good", bars), ("size", table)]:
        saved = untrained(data)
        saved.save(f"{name}.safetensors")
    saved.trained_on = None
    saved.save("own.safetensors")


def untrained(path: Path) -> Any:
    from tinygrad_hw.nn.datasets import read_examples
    from tinygrad_hw.runs.settings import Settings, network

    examples = read_examples(path)
    model = network(Settings(), examples)
    model.trained_on = examples.description
    return model


def test_any_layers_are_trained_from_their_text(run: Run, bars: Path) -> None:
    layers = [
        Rescaling(1 / 255, input_shape=(6, 6)),
        Reshape((6, 6, 1)),
        Conv2D(2, 3, activation="relu"),
        Flatten(),
        Dense(3, "softmax"),
    ]
    Path("net.json").write_text(Sequential(layers).to_json())
    options = ("--data", str(bars), "--layers", "net.json", "--epochs", "1", "-o")
    status, out, _ = run("train", *options, "a.safetensors")
    assert status == 0
    assert "Network: net.json, 119 parameters\n" in out  # 2 · (3 · 3 + 1) + 3 · (2 · 4 · 4 + 1)
    assert run("train", *options, "b.safetensors")[0] == 0
    first, second = (load_model(name).get_weights() for name in ("a.safetensors", "b.safetensors"))
    for x, y in zip(first, second, strict=True):
        np.testing.assert_array_equal(x, y)
    assert run("predict", "a.safetensors", str(bars))[0] == 0


def test_a_model_is_replaced_by_force_alone(run: Run, trained: str, bars: Path) -> None:
    before = Path("m.safetensors").read_bytes()
    options = ("--data", str(bars), "--epochs", "1", "-o", "m.safetensors")
    status, out, error = run("train", *options)
    assert (status, out) == (2, "")
    assert "m.safetensors is there already" in error
    assert Path("m.safetensors").read_bytes() == before
    assert run("train", *options, "--force")[0] == 0
    assert Path("m.safetensors").read_bytes() != before


def test_a_training_that_diverges_is_one_line(run: Run, bars: Path) -> None:
    options = ("--lr", "1e30", "--optimizer", "sgd", "--epochs", "3", "--patience", "0")
    status, _, error = run("train", "--data", str(bars), *options, "-o", "m.safetensors")
    assert status == 2
    assert re.fullmatch(
        r"tinygrad-hw: the training has diverged: its loss is (nan|inf); give a smaller --lr, .*\n",
        error,
    )
    assert not Path("m.safetensors").exists()


def test_ctrl_c_keeps_what_was_learned(
    run: Run, bars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_step, steps = Model.train_step, itertools.count()

    def interrupted(model: Any, *batch: Any) -> Any:
        if next(steps) == 5:  # in the third epoch: two batches are one
            signal.raise_signal(signal.SIGINT)
        return train_step(model, *batch)

    monkeypatch.setattr(Model, "train_step", interrupted)
    status, out, error = run("train", "--data", str(bars), "-o", "m.safetensors")
    assert (status, error) == (130, "")
    assert "Epoch 2/" in out
    assert "Epoch 3/" not in out
    assert "Stopped by Ctrl-C; what was learned until then is saved\n" in out
    assert load_model("m.safetensors").predict(np.load(bars)["x_test"], verbose=0).shape == (30, 3)
