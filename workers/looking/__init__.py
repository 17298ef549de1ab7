"""What senders and operators see of transfers and of a server."""
