"""The worker pools: one file a step, in the order of the protocol, around one runner."""
