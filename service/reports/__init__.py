"""What is computed from the books: audit, statement, reconciliation, metrics."""
