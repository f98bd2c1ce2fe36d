"""The whole system in one process on recorded video: real lane, reader and service; simulated camera, pins and pump."""
