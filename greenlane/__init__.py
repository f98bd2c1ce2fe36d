"""The program: what knows concrete parts and puts them together."""

__version__ = "0.1.0"
