# %% [markdown]
# # The homework's own notebook
#
# The homework trains its networks with Keras, in the cells of a notebook. They run here: only the
# lines that import are others, and for a lesson there are fewer images and epochs.

# %%
import numpy as np

import tinygrad_hw as tf
from tinygrad_hw.nn.callbacks import EarlyStopping
from tinygrad_hw.nn.initializers import GlorotNormal, GlorotUniform, HeNormal, RandomNormal
from tinygrad_hw.nn.layers import Dense, Flatten
from tinygrad_hw.nn.metrics import accuracy_score, classification_report, confusion_matrix
from tinygrad_hw.nn.models import Sequential

tf.keras.utils.set_random_seed(0)
(x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data()
x_train, y_train = x_train[:10000], y_train[:10000]
x_train, x_test = x_train / 255.0, x_test / 255.0

batch_size = 32
learning_rate = 0.001

# %% [markdown]
# ## Question 2: is it a 3 or a 6?

# %%
two_train, two_test = np.isin(y_train, (3, 6)), np.isin(y_test, (3, 6))
x_two, y_two = x_train[two_train], np.where(y_train[two_train] == 3, 0, 1)
x_two_test, y_two_test = x_test[two_test], np.where(y_test[two_test] == 3, 0, 1)

model = Sequential()
model.add(Flatten(input_shape=(28, 28)))
model.add(Dense(128, activation="relu"))
model.add(Dense(1, activation="sigmoid"))
model.summary()

# %%
model.compile(
    optimizer=tf.keras.optimizers.Adam(learning_rate=learning_rate),
    loss="binary_crossentropy",
    metrics=["accuracy"],
)
early_stopping = EarlyStopping(monitor="val_loss", patience=10, restore_best_weights=True)
history = model.fit(
    x_two,
    y_two,
    batch_size=batch_size,
    epochs=4,
    validation_split=0.2,
    callbacks=[early_stopping],
)
test_loss, test_accuracy = model.evaluate(x_two_test, y_two_test)
print("Test Accuracy:", test_accuracy)
assert test_accuracy > 0.98

# %%
y_pred = np.round(model.predict(x_two_test))
print(confusion_matrix(y_two_test, y_pred))

# %% [markdown]
# ## Question 2 B: four ways to begin

# %%
initializers = [
    GlorotNormal(seed=1),
    HeNormal(seed=2),
    RandomNormal(mean=0.0, stddev=0.1, seed=3),
    GlorotUniform(seed=4),
]
for initializer in initializers:
    model = Sequential(
        [
            Flatten(input_shape=(28, 28)),
            Dense(128, activation="relu", kernel_initializer=initializer),
            Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(
        optimizer=tf.keras.optimizers.Adam(learning_rate=learning_rate),
        loss="binary_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(
        x_two, y_two, batch_size=batch_size, epochs=4, validation_split=0.2, verbose=0
    )
    y_pred = np.round(model.predict(x_two_test, verbose=0))
    accuracy = accuracy_score(y_two_test, y_pred)
    losses = ", ".join(f"{loss:.4f}" for loss in history.history["val_loss"])
    print(f"{type(initializer).__name__:>13}: {accuracy:.2%}; val_loss {losses}")
    assert accuracy > 0.98

# %% [markdown]
# ## Question 3: which of the ten digits is it?

# %%
model = Sequential()
model.add(Flatten(input_shape=(28, 28)))
model.add(Dense(128, activation="relu"))
model.add(Dense(10, activation="softmax"))
model.compile(
    optimizer=tf.keras.optimizers.Adam(learning_rate=learning_rate),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
history = model.fit(x_train, y_train, batch_size=batch_size, epochs=3, validation_split=0.2)
test_loss, test_accuracy = model.evaluate(x_test, y_test)
print("Test Accuracy:", test_accuracy)
assert test_accuracy > 0.9

# %%
y_pred = np.argmax(model.predict(x_test), axis=1)
print(classification_report(y_test, y_pred))

# %% [markdown]
# ## Questions
#
# 1. How many parameters has the network of question 2, and how many that of question 3?
# 2. Of 10,000 images a fifth is kept for validation. How many steps of 32 has an epoch?
#
# To go further: train on all 60,000 images for 20 epochs, as the homework does. Which of its
# figures do you find again, and which depend on the seed?
#
# [Solutions](solutions/18_homework_notebook.md)

# %%
from course import check

binary = Sequential([Flatten(input_shape=(28, 28)), Dense(128), Dense(1)])
check(
    {"binary": "", "ten_class": "", "steps": ""},
    {
        "binary": binary.count_params(),
        "ten_class": model.count_params(),
        "steps": len(range(0, len(x_train) * 8 // 10, batch_size)),
    },
)
