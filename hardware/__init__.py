"""The metal: cameras, lamp, dispenser and watchdog, with a shipped fake of each."""
