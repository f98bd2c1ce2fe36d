"""What the books can show: statements, days, what waits for an operator, and the proof that all is right."""
