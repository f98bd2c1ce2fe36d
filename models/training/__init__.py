"""Recipes that make the networks: drawn plates, real crops, training loops, evaluation."""
