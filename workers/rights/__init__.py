"""What broker users may do, compared with what the ledger says, and mended."""
