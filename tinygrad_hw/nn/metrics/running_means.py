"""Means over an epoch's examples."""


class RunningMeans:
    """Means of the loss and the metrics over the examples added so far."""

    def __init__(self, metrics: tuple[str, ...]) -> None:
        self.metrics = metrics
        self.loss = 0.0
        self.correct = 0
        self.examples = 0

    def add(self, mean_loss: float, correct: int, examples: int) -> None:
        """Add a batch: its mean loss, number of correct predictions and number of examples."""
        self.loss += mean_loss * examples
        self.correct += correct
        self.examples += examples

    def means(self) -> dict[str, float]:
        """Return the means by name, "loss" first."""
        examples = max(self.examples, 1)
        metrics = {name: float(self.correct / examples) for name in self.metrics}
        return {"loss": self.loss / examples, **metrics}
