"""The engine itself: Values, the table of operations, the chain rule, the backward pass."""
