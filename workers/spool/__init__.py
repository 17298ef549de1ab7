"""The spool: takes chunks in, keeps them, and casts them."""
