"""Between the books' decisions and the database: rows loaded and locked, written, numbered and sealed."""
