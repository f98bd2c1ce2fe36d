"""The dispenser: nozzle switch and pulser on pins, and a simulated one."""
