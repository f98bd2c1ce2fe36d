"""Phones over HTTP: pairing, what a person may see and do, and the page that shows it."""
