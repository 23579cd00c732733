import math

import pytest

from tinygrad_hw.nn.callbacks import CallbackList, ModelCheckpoint

NAN = math.nan


class Model:
    """A model that notes where it is saved."""

    stop_training = False

    def __init__(self):
        self.saved = []

    def save(self, filepath, overwrite=False):
        self.saved.append(("whole", filepath, overwrite))

    def save_weights(self, filepath, overwrite=False):
        self.saved.append(("weights", filepath, overwrite))


def saved(values, filepath="m.safetensors", name="val_loss", batches=0, callback=None, **settings):
    """Where the model is saved, of epochs with these metrics."""
    model = Model()
    callback = callback or ModelCheckpoint(filepath, **settings)
    callbacks = CallbackList(callback, model=model)
    callbacks.on_train_begin()
    for epoch, value in enumerate(values):
        callbacks.on_epoch_begin(epoch)
        for batch in range(batches):
            callbacks.on_train_batch_end(batch, {"loss": 0.5})
        callbacks.on_epoch_end(epoch, {"loss": 0.5, name: value})
    callbacks.on_train_end()
    assert all(overwrite for _, _, overwrite in model.saved)
    return [(kind, path) for kind, path, _ in model.saved]


def epochs_saved(values, **settings):
    places = saved(values, "{epoch}.safetensors", **settings)
    return [int(path.split(".")[0]) for _, path in places]


def test_saves_the_whole_model_or_its_weights_after_every_epoch():
    assert saved([1, 2]) == [("whole", "m.safetensors")] * 2
    assert saved([1, 2], save_weights_only=True) == [("weights", "m.safetensors")] * 2


@pytest.mark.parametrize(
    ("values", "settings", "wanted"),
    [
        ([5, 6, 4, 4, 3], {}, [1, 3, 5]),
        ([5, 6, 4, 7], {"mode": "max"}, [1, 2, 4]),
        ([5, 4, 3, 2], {"initial_value_threshold": 3.5}, [3, 4]),
        ([NAN, 5, NAN, 4], {}, [2, 4]),
    ],
)
def test_saves_the_best_alone(values, settings, wanted):
    assert epochs_saved(values, save_best_only=True, **settings) == wanted


def test_the_best_of_a_first_fit_is_the_best_of_a_second():
    callback = ModelCheckpoint("{epoch}.safetensors", save_best_only=True)
    assert len(saved([5, 2], callback=callback)) == 2
    assert saved([5, 2, 1], callback=callback) == [("whole", "3.safetensors")]


def test_the_name_tells_epoch_and_metrics():
    places = saved([0.12345, 2], "run/{epoch:02d}-{val_loss:.2f}.safetensors")
    assert [path for _, path in places] == ["run/01-0.12.safetensors", "run/02-2.00.safetensors"]


def test_saves_after_so_many_batches():
    places = saved([1, 1], "{epoch}-{batch}.safetensors", batches=5, save_freq=3)
    names = ["1-3", "2-1", "2-4"]  # batches 3, 6 and 9 of ten
    assert [path for _, path in places] == [f"{name}.safetensors" for name in names]


def test_says_what_it_does(capsys):
    saved([5, 6, 4], verbose=1, save_best_only=True)
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1: val_loss improved from None to 5.0, saved to m.safetensors",
        "Epoch 3: val_loss improved from 5.0 to 4.0, saved to m.safetensors",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("m.keras",), "filepath should end in \".safetensors\", got 'm.keras'"),
        (("m.safetensors", "loss", 0, False, False, "up"), 'mode should be "auto", "min" or "max"'),
        (
            ("m.safetensors", "loss", 0, False, False, "min", "batch"),
            'save_freq should be "epoch" or a number of batches, got batch',
        ),
    ],
)
def test_refuses_settings_that_mean_nothing(arguments, message):
    with pytest.raises(ValueError, match=message):
        ModelCheckpoint(*arguments)


def test_a_metric_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"'\{f1\}.safetensors' cannot be filled in; there are "):
        saved([1], "{f1}.safetensors")
    with pytest.raises(ValueError, match="ModelCheckpoint monitors 'val_acc', but an epoch has"):
        saved([1], monitor="val_acc", save_best_only=True)


def test_a_model_that_cannot_be_saved_is_refused_before_training():
    with pytest.raises(TypeError, match="ModelCheckpoint needs a model with a method save_weights"):
        CallbackList(ModelCheckpoint("m.safetensors", save_weights_only=True), model=object())
