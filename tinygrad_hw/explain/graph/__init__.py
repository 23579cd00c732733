"""The recorded graph as a picture: folded, labeled, laid out, drawn."""
