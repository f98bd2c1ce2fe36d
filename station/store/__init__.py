"""The station's state file, one noun a module."""
