"""What workers do at the broker beside consuming: publish, declare, mend, grant rights, ask its management API."""
