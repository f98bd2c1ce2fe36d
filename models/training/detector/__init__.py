"""The recipe of the detector's networks."""
