"""A worker process: where its settings come from, how it starts, how it stands, what it logs, how it ends."""
