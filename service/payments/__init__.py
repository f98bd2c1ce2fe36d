"""Paying a charge by a provider: the port, the providers behind it, and the worker that asks and polls them."""
