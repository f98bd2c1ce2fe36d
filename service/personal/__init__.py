"""What is kept about one person: shown to them as a whole, and erased while the books stay right."""
