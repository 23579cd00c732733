"""Numbers and HTML as people read them."""
