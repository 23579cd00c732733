"""What is right on a sheet, and what depends on what."""
