"""A fuelling from the nozzle's lift to a finished record on disk."""
