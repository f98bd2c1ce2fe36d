"""The second recogniser: another network on another picture of the plate, that knows what cannot be seen."""
