import numpy as np

from tinygrad_hw.nn import SGD, Dense, History, Sequential

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(12, 1)
Y = (X[:, 0] > 0).astype(np.uint8)


def small_model():
    model = Sequential([Dense(1, "sigmoid", input_shape=(1,))], seed=0)
    model.compile(SGD(0.0), "binary_crossentropy")
    return model


def test_history_is_what_fit_returns_and_may_also_be_given():
    mine = History()
    returned = small_model().fit(X, Y, epochs=3, callbacks=[mine], verbose=0)
    assert returned is mine
    assert returned.epoch == [0, 1, 2]
    assert len(returned.history["loss"]) == 3
