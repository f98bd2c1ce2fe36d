"""Telling pages and workers of changes as they happen."""
