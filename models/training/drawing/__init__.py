"""Drawn plates: layout, letterforms, and how a camera spoils them."""
