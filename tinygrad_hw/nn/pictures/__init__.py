"""Pictures of what a network has learned, on Matplotlib's Axes."""
