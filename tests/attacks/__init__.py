"""What one account with valid credentials can do to all others, tried with real connections on a real stack."""
