"""The lane unit: state machine, watching, voting, fuelling, client, outbox, trace, settings, ports of its devices."""
