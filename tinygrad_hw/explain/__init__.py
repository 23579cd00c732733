"""What a person reads: chains, numbers as text, pictures of the recorded graph."""
