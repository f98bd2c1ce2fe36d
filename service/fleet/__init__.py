"""What a fleet sees of its own vehicles: fills with their places, consumption, exceptions; of others nothing."""
