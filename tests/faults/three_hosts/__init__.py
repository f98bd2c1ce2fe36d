"""A station on three hosts of their own, in network namespaces: what it does when the lines between them fail."""
