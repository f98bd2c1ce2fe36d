"""The commands of `python -m models.training`, one module each."""
