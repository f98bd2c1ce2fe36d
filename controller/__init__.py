"""The lane: records, ports, state machine, voting, client, outbox, trace, settings, wiring and commands."""
