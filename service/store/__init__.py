"""The database: engine, schema, and how work waits for it."""
