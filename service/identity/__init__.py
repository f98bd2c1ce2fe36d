"""Who may speak to the service: devices with keys, people with passwords, and the trail of what they did."""
