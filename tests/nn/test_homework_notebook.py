# ruff: noqa: E501 - the homework's lines are as long as they are
"""The homework's own cells run here; of their lines only those that import are changed.

To be quick, the training images are the first few thousand, and epochs are two.
"""

import io
from contextlib import redirect_stdout

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")

IMPORTS = """
import numpy as np
import matplotlib.pyplot as plt
import tinygrad_hw as tf
from tinygrad_hw.nn.models import Sequential
from tinygrad_hw.nn.layers import Dense, Flatten
from tinygrad_hw.nn.callbacks import EarlyStopping
from tinygrad_hw.nn.initializers import GlorotNormal, HeNormal, RandomNormal,GlorotUniform
from tinygrad_hw.nn.metrics import accuracy_score, classification_report, confusion_matrix

def draw_confusion_matrix(true, predicted, title):
    plt.figure()
    plt.imshow(confusion_matrix(true, predicted))
    plt.title(title)
"""
LOAD = """
(x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data()
"""
SHORTEN = """
x_train, y_train = x_train[:6000], y_train[:6000]
"""
TWO = """
# filter out the training and test sets with these two digits - 3 and 6
x_train = x_train[(y_train == 3) | (y_train == 6)]
y_train = y_train[(y_train == 3) | (y_train == 6)]
x_test = x_test[(y_test == 3) | (y_test == 6)]
y_test = y_test[(y_test == 3) | (y_test == 6)]
# For binary classification modify labels: Label encoding [3 => 0 and 6 => 1]
y_train = np.where(y_train == 3, 0, 1)
y_test = np.where(y_test == 3, 0, 1)
"""
NORMALIZE = """
# Pixel values range from 0 to 255. Normalize pixel values of train and test to the range [0, 1]
x_train, x_test = x_train / 255.0, x_test / 255.0
# Batch size and Learning rate are hyperparameters
batch_size = 32
learning_rate = 0.001
"""
QUESTION_2 = """
model = Sequential()

model.add(Flatten(input_shape=(28,28))) ## 28x28 pixels are converted to 1D 784 input units.
model.add(Dense(128,activation='relu')) # 128 nodes with ReLU activation to add non-linearity.
model.add(Dense(1,activation='sigmoid')) ## 1 output node for binary classification using sigmoid.
model.summary()
# Compiling the model
model.compile(optimizer=tf.keras.optimizers.Adam(learning_rate=learning_rate), loss='binary_crossentropy', metrics=['accuracy'])
early_stopping = EarlyStopping(monitor='val_loss', patience=10, restore_best_weights=True)
# Training the model
history = model.fit(x_train, y_train, batch_size=batch_size, epochs=20, validation_split=0.2, callbacks=[early_stopping])
# Evaluate the model on the test data
test_loss, test_accuracy = model.evaluate(x_test, y_test)
print("Test Accuracy:", test_accuracy)
y_pred = np.round(model.predict(x_test))
conf_matrix = confusion_matrix(y_test, y_pred)
print("Confusion Matrix:")
print(conf_matrix)
draw_confusion_matrix(y_test, y_pred,"Binary Classifier - 3 and 6")
# Present the Learning curve
plt.figure(figsize=(10, 4))
plt.subplot(1, 2, 1)
plt.plot(history.history['loss'], label='Training Loss')
plt.plot(history.history['val_loss'], label='Validation Loss')
plt.xlabel('Epochs')
plt.ylabel('Loss')
plt.legend()

plt.subplot(1, 2, 2)
plt.plot(history.history['accuracy'], label='Training Accuracy')
plt.plot(history.history['val_accuracy'], label='Validation Accuracy')
plt.xlabel('Epochs')
plt.ylabel('Accuracy')
plt.legend()

plt.tight_layout()
plt.show()
eg_indices = np.random.choice(len(x_test), 10) # 10 randomly selected samples
eg_images = x_test[eg_indices]
eg_labels = y_test[eg_indices]
eg_predictions = model.predict(eg_images)
for i in range(len(eg_images)):
    plt.figure()
    plt.imshow(eg_images[i], cmap='Greys')
    plt.title(f"True Label: {eg_labels[i]}, Predicted: {np.round(eg_predictions[i][0])}")
    plt.axis('off')
"""
QUESTION_2_B = """
initializers = [GlorotNormal(seed=1), HeNormal(seed=2), RandomNormal(mean=0.0, stddev=0.1, seed=3), GlorotUniform(seed=4)]
# Lists to store results
learning_curves = []
accuracies = []
labels = ["GlorotNormal", "HeNormal", "RandomNormal", "GlorotUniform"]
i=0
# Build and train models for each initializer
for initializer in initializers:

    model = Sequential([
        Flatten(input_shape=(28, 28)),
        Dense(128, activation='relu', kernel_initializer=initializer),
        Dense(1, activation='sigmoid')
    ])
    model.summary()
    model.compile(optimizer=tf.keras.optimizers.Adam(learning_rate=learning_rate), loss='binary_crossentropy', metrics=['accuracy'])
    # Train the model
    history = model.fit(x_train, y_train, batch_size=batch_size, epochs=30, validation_split=0.2, verbose=0)

    # Evaluate on test data
    y_pred = np.round(model.predict(x_test))
    accuracy = accuracy_score(y_test, y_pred)
    confusion = confusion_matrix(y_test, y_pred)
    draw_confusion_matrix(y_test, y_pred, labels[i])

    #confusion_matrices.append(confusion)
    learning_curves.append(history.history)
    accuracies.append(accuracy)
    i=i+1
"""
QUESTION_3 = """
model = Sequential()
model.add(Flatten(input_shape=(28,28)))
model.add(Dense(128,activation='relu'))
model.add(Dense(10,activation='softmax'))
model.summary()
# Compiling the model. We use sparse categorical that will hot encode the classes internally.
model.compile(optimizer=tf.keras.optimizers.Adam(learning_rate=learning_rate), loss='sparse_categorical_crossentropy',metrics=['accuracy'])
early_stopping = EarlyStopping(monitor='val_loss', patience=10, restore_best_weights=True)
# Training the model
history = model.fit(x_train, y_train, batch_size=batch_size, epochs=20, validation_split=0.2, callbacks=[early_stopping])
# Evaluate the model on the test data
test_loss, test_accuracy = model.evaluate(x_test, y_test)
print("Test Accuracy:", test_accuracy)
y_pred = np.argmax(model.predict(x_test), axis=1)
print(classification_report(y_test, y_pred))
"""


@pytest.fixture(autouse=True)
def _no_windows():
    backend = matplotlib.get_backend()
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield
    plt.close("all")
    matplotlib.use(backend)


@pytest.fixture
def run():
    """Run cells in one namespace; return it, and what they print."""
    names = {"__name__": "notebook"}

    def run_cells(*cells):
        out = io.StringIO()
        with redirect_stdout(out):
            for cell in cells:
                short = cell.replace("epochs=20", "epochs=2").replace("epochs=30", "epochs=2")
                exec(compile(short, "<cell>", "exec"), names)
        return names, out.getvalue()

    return run_cells


def test_questions_2_and_2_b(run):
    names, text = run(IMPORTS, LOAD, SHORTEN, TWO, NORMALIZE, QUESTION_2)
    for line in (
        'Model: "sequential"',
        "flatten (Flatten) (None, 784) 0",
        "dense (Dense) (None, 128) 100,480",
        "dense_1 (Dense) (None, 1) 129",
        "Total params: 100,609",
        "Trainable params: 100,609",
        "Non-trainable params: 0",
    ):
        assert line in [" ".join(printed.split()) for printed in text.splitlines()]
    assert "62/62 - loss: " in text  # the homework's number of batches
    assert names["test_accuracy"] > 0.97
    assert names["conf_matrix"].sum() == 1968
    assert np.trace(names["conf_matrix"]) / 1968 == pytest.approx(names["test_accuracy"])
    names, text = run(QUESTION_2_B)
    assert [f'Model: "sequential_{i}"' in text for i in (1, 2, 3, 4, 5)] == [True] * 4 + [False]
    assert "dense_8 (Dense)" in text
    assert "dense_9 (Dense)" in text
    assert min(names["accuracies"]) > 0.97
    assert [len(curve["val_loss"]) for curve in names["learning_curves"]] == [2] * 4


def test_question_3(run):
    names, text = run(IMPORTS, LOAD, SHORTEN, NORMALIZE, QUESTION_3)
    assert "Total params: 101,770" in text
    assert "313/313 - loss: " in text
    assert names["test_accuracy"] > 0.88
    assert [line.split()[-1] for line in text.splitlines() if line.strip().startswith("9 ")] == [
        "1009"
    ]
    assert {x.dtype for x in (names["y_train"], names["y_test"])} == {np.dtype(np.uint8)}
