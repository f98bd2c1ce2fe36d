"""`greenlane admin` on vehicles: where they refuelled, how far they drove, and what contradicts."""
