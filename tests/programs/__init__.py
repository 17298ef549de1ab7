"""What programs say and do when they start: each is started, as a process."""
