"""Models in files: weights, states of training and architectures."""
