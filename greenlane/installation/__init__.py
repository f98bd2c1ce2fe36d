"""Makes a lane unit out of a Debian machine: files, user and boot service."""
