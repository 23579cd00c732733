import json
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tinygrad_hw.errors import InputError
from tinygrad_hw.nn import Adam, Dense, Sequential
from tinygrad_hw.nn.callbacks import LambdaCallback, ModelCheckpoint

X = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
Y = np.arange(20) % 3


def network(seed=0, hidden=5, **settings):
    layers = [Dense(hidden, activation="relu"), Dense(3, activation="softmax", **settings)]
    model = Sequential(layers, seed=seed)
    model.build((None, 4))
    model.compile(Adam(0.01), "sparse_categorical_crossentropy")
    return model


def assert_same_weights(model, other):
    for found, wanted in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == wanted.dtype


@pytest.fixture
def saved(tmp_path):
    """A model and the file that it was saved in."""
    model = network()
    model.save_weights(tmp_path / "m.safetensors")
    return model, tmp_path / "m.safetensors"


def message_of(path, model=None):
    """The message with which a file is refused; the model has not changed by it."""
    model = model or network(seed=1)
    before = model.get_weights()
    with pytest.raises(InputError) as caught:
        model.load_weights(path)
    for found, wanted in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, wanted)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message.replace(f"{path} ", "")


def test_weights_come_back(saved):
    model, path = saved
    other = network(seed=1)
    other.fit(X, Y, verbose=0)  # its programs are captured, its data in one buffer
    other.load_weights(path)
    assert_same_weights(other, model)
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    for m in (model, other):
        m.compile(Adam(0.01), "sparse_categorical_crossentropy")
        m.fit(X, Y, batch_size=20, epochs=3, verbose=0)
    for found, wanted in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)  # in another order


def test_others_read_the_file_with_their_library(saved):
    model, path = saved
    tensors = load_file(path)
    assert sorted(tensors) == ["0.kernel", "1.bias", "2.kernel", "3.bias"]
    for (_, found), wanted in zip(sorted(tensors.items()), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_the_names_of_layers_do_not_matter(saved):
    model, path = saved
    other = Sequential([Dense(5, "relu", name="a"), Dense(3, "softmax", name="b")])
    other.build((None, 4))
    other.load_weights(path)
    assert_same_weights(other, model)


def test_a_file_is_replaced_unless_that_is_not_wanted(saved):
    _, path = saved
    other = network(seed=1)
    with pytest.raises(InputError, match=r"is there already; give another name, or overwrite=True"):
        other.save_weights(path, overwrite=False)
    other.save_weights(path)
    model = network()
    model.load_weights(path)
    assert_same_weights(model, other)
    assert [p.name for p in path.parent.iterdir()] == ["m.safetensors"]


def test_places_that_cannot_be_are_named(tmp_path):
    model = network()
    with pytest.raises(InputError, match=r'm.h5 should end in ".safetensors", the format that'):
        model.save_weights(tmp_path / "m.h5")
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(InputError, match="is not a file; give the name of a file"):
        model.save_weights(tmp_path / "folder.safetensors")
    with pytest.raises(InputError, match=r"the model is not built: it has no weights yet"):
        Sequential([Dense(2)]).save_weights(tmp_path / "m.safetensors")


class TestRefuses:
    def test_a_file_that_is_not_there(self, tmp_path):
        path = tmp_path / "none.safetensors"
        assert message_of(path) == f"there is no file {path}; give one that was saved"

    @pytest.mark.parametrize(
        "content",
        [
            *(b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n" + bytes(100), b"\x80\x04\x95" + bytes(50)),
            *(struct.pack("<Q", 2**60) + b"{}", struct.pack("<Q", 2) + b"{]", bytes(8)),
            *(struct.pack("<Q", 2) + b"[]", b"a,b\n1,2\n" * 10),
        ],
    )
    def test_what_is_no_safetensors_file(self, tmp_path, content):
        path = tmp_path / "m.safetensors"
        path.write_bytes(content)
        assert message_of(path).startswith("is no safetensors file, or a part of it is missing")

    def test_a_file_of_somebody_else(self, tmp_path):
        path = tmp_path / "m.safetensors"
        save_file({"0.kernel": np.ones((4, 5), np.float32)}, path)
        assert message_of(path) == "was not saved by this package; give a file that was"

    def test_every_file_that_is_cut_off(self, saved, tmp_path):
        _, path = saved
        content, cut = path.read_bytes(), tmp_path / "cut.safetensors"
        model = network(seed=1)
        for length in [*range(0, len(content), 7), len(content) - 1]:
            cut.write_bytes(content[:length])
            assert message_of(cut, model).startswith("is no safetensors file, or a part of it is")

    def test_bytes_after_the_end(self, saved):
        _, path = saved
        path.write_bytes(path.read_bytes() + b"\0")
        assert message_of(path).startswith("is no safetensors file, or a part of it is missing")

    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.integers(0, 10**6), st.integers(1, 255))
    def test_any_byte_that_is_changed(self, saved, place, change):
        _, path = saved
        content = bytearray(path.read_bytes())
        content[place % len(content)] ^= change
        other = path.with_name("changed.safetensors")
        other.write_bytes(content)
        message_of(other)

    def test_numbers_that_were_changed_with_another_tool(self, saved):
        _, path = saved
        with safe_open(path, "numpy") as file:
            metadata = file.metadata()
        tensors = load_file(path)
        for changed in (
            tensors | {"1.bias": tensors["1.bias"] + 1},
            tensors | {"4.kernel": tensors["1.bias"]},
            {name: x for name, x in tensors.items() if name != "1.bias"},
            tensors | {"0.kernel": tensors["0.kernel"].T.copy()},
        ):
            save_file(changed, path, metadata)
            message = message_of(path)
            assert message == "has been changed or damaged since it was saved; save it again"

    def test_weights_of_another_model(self, saved):
        _, path = saved
        of_four, of_three = "weight 0.kernel of shape (4, 5) (of 4)", "make the model as it was"
        assert message_of(path, network(hidden=6)) == (
            f"has {of_four}, the model weight 0.kernel of shape (4, 6) (of 4); {of_three} saved"
        )
        assert message_of(path, network(use_bias=False)) == (
            f"has weight 3.bias of shape (3,) (of 4), the model no weight 3.bias (of 3); "
            f"{of_three} saved"
        )
        network(use_bias=False).save_weights(path)
        assert message_of(path, network()) == (
            f"has no weight 3.bias (of 3), the model weight 3.bias of shape (3,) (of 4); "
            f"{of_three} saved"
        )


def test_a_header_claims_no_more_memory_than_the_file(tmp_path):
    path = tmp_path / "m.safetensors"
    entry = {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}
    header = json.dumps({"0.kernel": entry}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    assert message_of(path).startswith("is no safetensors file, or a part of it is missing")


def test_checkpoints_are_the_weights_of_their_epochs(tmp_path):
    weights = []
    note = LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(model.get_weights()))
    model = network()
    checkpoint = ModelCheckpoint(tmp_path / "run" / "{epoch}.safetensors", save_weights_only=True)
    history = model.fit(X, Y, epochs=3, callbacks=[note, checkpoint], verbose=0)
    assert len(history.epoch) == 3
    for i, wanted in enumerate(weights):
        other = network(seed=1)
        other.load_weights(tmp_path / "run" / f"{i + 1}.safetensors")
        for found, weight in zip(other.get_weights(), wanted, strict=True):
            np.testing.assert_array_equal(found, weight)


def test_safetensors_is_loaded_when_something_is_saved(saved, monkeypatch):
    code = "import sys, tinygrad_hw.nn.saving; print('safetensors' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
    model, path = saved
    monkeypatch.setitem(sys.modules, "safetensors", None)  # as if it were not installed
    for use in (model.save_weights, model.load_weights):
        with pytest.raises(InputError, match=r"pip install 'tinygrad_hw\[save\]'"):
            use(path)
