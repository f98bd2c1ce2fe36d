"""The pages of a fleet."""
