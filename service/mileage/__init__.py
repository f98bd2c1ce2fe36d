"""Where and how far: odometer readings, positions, known stations, and what fits together."""
