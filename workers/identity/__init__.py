"""One server, one identity: its workers have the same ledger, spool and domains, or do not start."""
