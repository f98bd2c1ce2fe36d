"""What the books decide, without a database: from the rows of one batch to the rows that it will write."""
