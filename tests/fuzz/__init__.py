"""What workers and terminals make of messages that nobody has thought of."""
