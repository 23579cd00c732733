"""Functions of functions: grad and its family, HIPS autograd's, and the check of a gradient."""
