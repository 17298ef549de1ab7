"""Messages that were set aside, and what operators do with them."""
