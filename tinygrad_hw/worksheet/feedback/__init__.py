"""What students and teachers read of a marked sheet."""
