"""What a database needs to be used: its address, its version, fair turns to write, and several statements at once."""
