"""docker-compose.yml for real; only `make compose-test` collects these."""
