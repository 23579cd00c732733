"""Functions of functions: grad and its family, and the check of a gradient."""
