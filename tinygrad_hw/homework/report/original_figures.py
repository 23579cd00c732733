"""The figures that the homework printed about its networks.

They are strings where their digits count. The hand-worked figures of Question 1 are in the sheets;
those that a sheet has no place for are here.
"""

from __future__ import annotations

from dataclasses import dataclass

DIGITS = (3, 6)

# --- Question 1 -----------------------------------------------------------------------------------

WRITTEN_AGAIN = {"q1a": {"a4": "0.981996", "error": "0.01800"}}
"""The second writing, in other digits, of forward values that were written twice."""

STRUCK_FACTORS = {"q1a": {("dE/dw7", "da4/dz4"): "0.017679"}}
"""Figures of factors that were crossed out; the sheet has those that replaced them."""


# --- The networks ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Network:
    """One network as the homework's notebook printed it.

    Attributes
    ----------
    summary
        Layer, output shape and parameters, a row each.
    counted
        The parameters that were counted by hand: layer, weights, biases, sum.
    epochs
        The metrics of the first epochs in the order of ``METRICS``. A figure that the edge of the
        page cut off ends in "…".
    epoch_times, test_time
        The times as Keras printed them.
    confusion
        Counts by true class (rows) and predicted class; empty where there was only a picture.
    examples
        True and predicted label of the examples whose captions are legible.
    table
        The table of hyperparameters.
    """

    summary: tuple[tuple[str, str, str], ...]
    parameters: str
    counted: tuple[tuple[str, str, str, str], ...] = ()
    batches: str = ""
    epochs: tuple[tuple[str, str, str, str], ...] = ()
    epoch_times: tuple[str, ...] = ()
    test_batches: str = ""
    test_time: str = ""
    test_loss: str = ""
    test_accuracy: str = ""
    test_accuracy_rounded: str = ""
    confusion: tuple[tuple[int, ...], ...] = ()
    examples: tuple[tuple[str, str], ...] = ()
    table: tuple[tuple[str, str], ...] = ()


METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")


def _table(output: str, initializer: str, neurons: str, loss: str) -> tuple[tuple[str, str], ...]:
    return (
        ("Activation, hidden layer", "ReLU"),
        ("Activation, output layer", output),
        ("Weight initializer", initializer),
        ("Hidden layers", "1 (2 including the output layer)"),
        ("Neurons in the hidden layer", "128"),
        ("Neurons in the output layer", neurons),
        ("Loss", loss),
        ("Optimiser", "Adam"),
        ("Epochs", "20"),
        ("Batch size", "32"),
        ("Learning rate", "0.001"),
        ("Metric", "Accuracy"),
    )


BINARY = Network(
    summary=(
        ("flatten (Flatten)", "(None, 784)", "0"),
        ("dense (Dense)", "(None, 128)", "100480"),
        ("dense_1 (Dense)", "(None, 1)", "129"),
    ),
    parameters="100,609",
    counted=(("hidden layer", "100352", "128", "100480"), ("output layer", "128", "1", "129")),
    batches="302",
    epochs=(
        ("0.0344", "0.9899", "0.0086", "0.975…"),
        ("0.0098", "0.9969", "0.0055", "0.979…"),
        ("0.0054", "0.9985", "0.0045", "0.979…"),
        ("0.0026", "0.9997", "0.0021", "0.996…"),
        ("0.0011", "0.9999", "0.0082", "0.997…"),
    ),
    epoch_times=("1s 2ms/step", "0s 1ms/step", "0s 2ms/step", "0s 2ms/step", "0s 1ms/step"),
    test_batches="62",
    test_time="0s 869us/step",
    test_loss="0.0024",
    test_accuracy="0.9989837408065796",
    test_accuracy_rounded="0.9990",
    confusion=((1009, 1), (1, 957)),
    examples=(("1", "1.0"), ("0", "0.0")),
    table=_table("Sigmoid", "Default: GlorotUniform", "1", "Binary_crossentropy"),
)

INITIALIZERS = Network(
    summary=(
        ("flatten_1 … flatten_4 (Flatten)", "(None, 784)", "0"),
        ("dense_2, 4, 6, 8 (Dense)", "(None, 128)", "100480"),
        ("dense_3, 5, 7, 9 (Dense)", "(None, 1)", "129"),
    ),
    parameters="100,609",
    test_batches="62",
    table=_table(
        "Sigmoid",
        "GlorotNormal(seed=1), HeNormal(seed=2), RandomNormal(mean=0.0, stddev=0.1, seed=3), "
        "GlorotUniform(seed=4)",
        "1",
        "Binary_crossentropy",
    ),
)
INITIALIZERS_EPOCHS = "30"
"""Epochs in the code; the table of hyperparameters says 20."""
INITIALIZERS_TEST_TIMES = {
    "GlorotNormal": "0s 738us/step",
    "HeNormal": "0s 721us/step",
    "RandomNormal": "0s 754us/step",
    "GlorotUniform": "0s 869us/step",
}
INITIALIZERS_ACCURACY = {"HeNormal": "100%"}
"""The only accuracy that was written out; the others are in a picture."""

TEN = Network(
    summary=(
        ("flatten_6 (Flatten)", "(None, 784)", "0"),
        ("dense_12 (Dense)", "(None, 128)", "100480"),
        ("dense_13 (Dense)", "(None, 10)", "1290"),
    ),
    parameters="101,770",
    batches="1500",
    epochs=(
        ("0.2875", "0.9175", "0.1539", "0.9578"),
        ("0.1271", "0.9634", "0.1077", "0.9690"),
        ("0.0879", "0.9744", "0.0967", "0.9712"),
    ),
    epoch_times=("2s 1ms/step", "2s 1ms/step", "2s 1ms/step"),
    test_batches="313",
    test_time="0s 772us/step",
    test_loss="0.0789",
    test_accuracy="0.9781000018119812",
    test_accuracy_rounded="0.9781",
    confusion=(
        (969, 0, 1, 1, 1, 1, 3, 2, 2, 0),
        (0, 1120, 4, 2, 0, 1, 3, 1, 4, 0),
        (2, 0, 1014, 5, 1, 0, 2, 5, 3, 0),
        (0, 0, 5, 996, 0, 1, 0, 3, 3, 2),
        (1, 0, 3, 0, 961, 0, 5, 2, 0, 10),
        (2, 0, 0, 17, 1, 859, 6, 2, 4, 1),
        (6, 2, 3, 1, 3, 1, 939, 0, 3, 0),
        (1, 3, 12, 4, 0, 0, 0, 1002, 3, 3),
        (3, 0, 5, 11, 4, 1, 1, 4, 942, 3),
        (1, 3, 0, 6, 7, 3, 0, 9, 1, 979),
    ),
    examples=(("7", "7"), ("2", "2")),
    table=_table("Softmax", "Default: GlorotUniform", "10", "sparse_categorical_crossentropy"),
)

REPORT_COLUMNS = ("precision", "recall", "f1-score", "support")
REPORT = {
    "0": ("0.98", "0.99", "0.99", "980"),
    "1": ("0.99", "0.99", "0.99", "1135"),
    "2": ("0.97", "0.98", "0.98", "1032"),
    "3": ("0.95", "0.99", "0.97", "1010"),
    "4": ("0.98", "0.98", "0.98", "982"),
    "5": ("0.99", "0.96", "0.98", "892"),
    "6": ("0.98", "0.98", "0.98", "958"),
    "7": ("0.97", "0.97", "0.97", "1028"),
    "8": ("0.98", "0.97", "0.97", "974"),
    "9": ("0.98", "0.97", "0.98", "1009"),
    "accuracy": ("", "", "0.98", "10000"),
    "macro avg": ("0.98", "0.98", "0.98", "10000"),
    "weighted avg": ("0.98", "0.98", "0.98", "10000"),
}
"""The classification report of Question 3."""

# --- The print-out of an image --------------------------------------------------------------------

PIXEL_SHAPE = (28, 28)
PIXEL_FIRST_LINE = (13, 4)
"""Row of the image, and line within the row, where the print-out begins.

NumPy prints a row of 28 in six lines of five, five, five, five, five and three numbers.
"""
PIXELS_A_LINE = 5
PIXELS = """\
0.1039803932 0. 0. 0. 0. 0.
0. 0. 0. 0. 0. 0.
0. 0. 0. 0. 0.17647059 0.87058824
0. 0. 0. 0. 0.17647059 0.87058824
0.98823529 0.98823529 0.98823529 0.98823529 0.99215686
0.98823529 0.98823529 0.98823529 0.69411765 0.
0. 0. 0. 0. 0. 0.
0. 0. 0. 0. 0. 0.
0. 0. 0. 0. 0. 0.
0. 0. 0. 0. 0.17647059 0.8745098
0.99215686 0.99215686 0.99215686 0.99215686 1.
0.99215686 0.99215686 0.99215686 0.99215686 0.29019608
0. 0. 0. 0. 0. 0.
0. 0. 0. 0. 0. 0.
0. 0. 0. 0. 0. 0.
0. 0. 0. 0. 0. 0.12156863
0.48235294 0.20392157 0.17254902 0.17254902 0.17254902
0.17254902 0.56078431 0.98823529 0.98823529 0.29019608
0. 0. 0. 0. 0. 0.
0. 0. 0. 0. 0. 0."""
