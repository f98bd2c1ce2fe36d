"""Judging the networks on held-out pictures."""
