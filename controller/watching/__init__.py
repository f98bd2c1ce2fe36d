"""From frames to a vote: which are worth reading, which vehicle they show, what its reads agree on."""
