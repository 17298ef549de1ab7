"""What holds for whatever comes: properties that are tried with hundreds of messages, or orders of them."""
