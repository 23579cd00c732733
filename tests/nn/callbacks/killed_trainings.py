"""Kill a training many times at random moments, and print what it came to.

python killed_trainings.py FOLDER KILLS

Each training is a fork of this process, which has loaded everything; so a kill costs milliseconds.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

from tinygrad_hw.nn import Adam, Dense, Sequential
from tinygrad_hw.nn.callbacks import BackupAndRestore, LearningRateScheduler

EPOCHS = 8
X = np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


def train(folder: Path | None) -> bytes:
    """Train, going on where an earlier training was broken off; return the weights."""
    model = Sequential([Dense(16, "relu"), Dense(2, "softmax")], seed=0)
    model.compile(Adam(0.01), "sparse_categorical_crossentropy", jit_compile=False)
    callbacks = [LearningRateScheduler(lambda epoch, rate: rate * 0.95)]
    if folder is not None:
        callbacks.append(BackupAndRestore(folder))
    model.fit(X, Y, batch_size=16, epochs=EPOCHS, callbacks=callbacks, verbose=0)
    return b"".join(weight.tobytes() for weight in model.get_weights())


def main(folder: Path, kills: int) -> None:
    wanted = train(None)
    start = time.monotonic()
    assert train(folder / "whole") == wanted
    whole = time.monotonic() - start
    moments, killed, done, right, resumed = random.Random(0), 0, 0, 0, 0
    status = 0
    while killed < kills or os.WIFSIGNALED(status):
        resumed += (folder / "backup" / "latest.safetensors").exists()
        child = os.fork()
        if child == 0:
            (folder / "result").write_bytes(train(folder / "backup"))
            os._exit(0)
        if killed < kills:
            time.sleep(moments.uniform(0, whole))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            killed += 1
        else:
            done += 1
            right += (folder / "result").read_bytes() == wanted
    print(killed, resumed, done, right, sorted(path.name for path in folder.iterdir()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
