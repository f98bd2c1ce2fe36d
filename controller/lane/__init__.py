"""The lane as a pure function: state, event and time in, state and commands out."""
