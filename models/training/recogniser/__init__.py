"""The recipe of the recogniser's network."""
