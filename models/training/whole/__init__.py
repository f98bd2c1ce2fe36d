"""Training of the network that tells whether all characters of a plate are wholly shown."""
