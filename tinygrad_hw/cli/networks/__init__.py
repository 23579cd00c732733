"""The verbs of networks of the user's own, one module a verb."""
