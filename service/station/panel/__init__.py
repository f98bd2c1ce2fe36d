"""The panel at the pump: its pages, the state that it shows, and a panel that is a device of its own."""
