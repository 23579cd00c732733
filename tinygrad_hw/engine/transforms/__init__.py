"""Functions of functions: grad and its family, HIPS autograd's, the check of a gradient; copies."""
