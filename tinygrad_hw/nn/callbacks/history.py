"""History: every epoch's metrics, as numbers, as a table and as curves."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tinygrad_hw.formatting.html import Html, element
from tinygrad_hw.nn.callbacks.callback import Callback, Logs, metric_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS, ENDS = 10, 3  # a longer table shows so many epochs at its beginning and its end
PANEL = (4.0, 3.0)  # inches


class History(Callback):
    """Record of every epoch's metrics: ``history["val_loss"]`` has a number for each epoch.

    ``fit`` returns it; it is also ``model.history``. It prints as a table, and shows itself in a
    notebook as a table and a picture.

    Attributes
    ----------
    history
        A list of numbers for each metric, by name.
    epoch
        The numbers of the epochs of the last run, counted from 0.
    params
        The dict of "verbose", "epochs" and "steps".
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self._epochs_of: dict[str, list[int]] = {}  # of each number in history; the first is 1
        self._last = 0

    @classmethod
    def of(cls, history: Mapping[str, Sequence[float]], epoch: Sequence[int]) -> History:
        """Return the record of these metrics and epochs."""
        made = cls()
        made.history = {name: list(values) for name, values in history.items()}
        made.epoch = list(epoch)
        made._last = max((len(values) for values in made.history.values()), default=0)
        return made

    def set_model(self, model: Any) -> None:
        """Set ``model``, and become its ``history``."""
        super().set_model(model)
        model.history = self

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin the list of epochs anew; metrics of an earlier run stay."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Append the epoch's metrics to ``history``."""
        self.epoch.append(epoch)
        self._last = max(self._last, epoch) + 1  # a second run goes on where the first ended
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
            self._epochs_of.setdefault(name, []).append(self._last)

    def plot(
        self, metrics: str | Iterable[str] | None = None, axes: Axes | Sequence[Axes] | None = None
    ) -> list[Axes]:
        """Draw metrics by epoch with Matplotlib, each with that of the validation beside it.

        Parameters
        ----------
        metrics
            A name, or names, without ``val_``; by default all.
        axes
            Axes to draw in, one for each metric; by default those of a new figure of pyplot.

        Returns
        -------
        The axes, one for each metric.

        Raises
        ------
        ValueError
            For a metric that is not in ``history``, or another number of axes.
        """
        names = self._names(metrics)
        if axes is None:
            from matplotlib import pyplot

            size = PANEL[0] * len(names), PANEL[1]
            figure = pyplot.figure(figsize=size, layout="constrained")
            axes = figure.subplots(1, len(names), squeeze=False)[0]
        places: list[Axes] = list(axes) if isinstance(axes, Iterable) else [axes]
        if len(places) != len(names):
            raise ValueError(f"got {len(places)} axes for {len(names)} metrics, {', '.join(names)}")
        for name, place in zip(names, places, strict=True):
            self._draw(name, place)
        return places

    def _names(self, metrics: str | Iterable[str] | None) -> list[str]:
        """Return the names of metrics to draw."""
        known = list(dict.fromkeys(name.removeprefix("val_") for name in self.history))
        if not known:
            raise ValueError("the history has no epochs to draw")
        names = known if metrics is None else [metrics] if isinstance(metrics, str) else [*metrics]
        for name in names:
            if name not in known:
                raise ValueError(f"the history has no {name!r}; it has {', '.join(known)}")
        return names

    def _draw(self, name: str, axes: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        for full_name, label in ((name, "training"), (f"val_{name}", "validation")):
            if full_name in self.history:
                points = self._points(full_name)
                marker = "o" if len(points) < 2 else None
                axes.plot(*zip(*points, strict=True), label=label, marker=marker)
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(axes.lines) > 1:
            axes.legend()

    def _points(self, name: str) -> list[tuple[int, float]]:
        """Return the epochs, counted from 1, and the values of a metric."""
        values, epochs = self.history[name], self._epochs_of.get(name, [])
        if len(epochs) != len(values):  # somebody has changed ``history``
            epochs = list(range(1, len(values) + 1))
        return list(zip(epochs, values, strict=True))

    def _table(self) -> list[list[str]]:
        """Return the cells of a short table, its head first."""
        rows: dict[int, dict[str, float]] = {}
        for name in self.history:
            for epoch, value in self._points(name):
                rows.setdefault(epoch, {})[name] = value
        lines = [
            [str(epoch), *(_text(values[name]) if name in values else "" for name in self.history)]
            for epoch, values in sorted(rows.items())
        ]
        if len(lines) > MOST_ROWS:
            lines = [*lines[:ENDS], ["…"] * (1 + len(self.history)), *lines[-ENDS:]]
        return [["epoch", *self.history], *lines]

    def __repr__(self) -> str:
        """Return a short table of the metrics by epoch, counted from 1."""
        if not self.history:
            return "History of no epochs"
        table = self._table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        return "\n".join(
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in table
        )

    def _repr_html_(self) -> str:
        """Return the table and the curves, for a notebook."""
        if not self.history:
            return element("p", repr(self))
        head, *body = self._table()
        rows = [element("tr", *(element("th", cell) for cell in head))]
        rows += [element("tr", *(element("td", cell) for cell in row)) for row in body]
        return element("div", self._picture(), element("table", *rows))

    def _picture(self) -> Html:
        """Return the curves as an image element."""
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        names = self._names(None)
        figure = Figure(figsize=(PANEL[0] * len(names), PANEL[1]), layout="constrained")
        self.plot(axes=figure.subplots(1, len(names), squeeze=False)[0])
        file = io.BytesIO()
        with rc_context({"svg.fonttype": "none"}):  # text stays text
            figure.savefig(file, format="svg")
        source = "data:image/svg+xml;base64," + base64.b64encode(file.getvalue()).decode("ascii")
        return element("img", src=source, alt=f"{', '.join(names)} by epoch")


def _text(value: Any) -> str:
    return metric_text(value) if isinstance(value, float | int) else str(value)
