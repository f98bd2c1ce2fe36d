"""The lane: records, ports, state machine, voting, client, outbox, trace, settings, wiring and commands."""

__version__ = "0.1.0"
