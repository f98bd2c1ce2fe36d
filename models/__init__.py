"""The plate reader: grammar, detector, recogniser, engines, weights and their training."""
