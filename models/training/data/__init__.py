"""Labelled real pictures: loading, dividing, preparing them."""
