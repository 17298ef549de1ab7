"""Tests with a real broker, real workers and real command-line processes."""
