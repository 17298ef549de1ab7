"""Development tooling: a private broker and database, deployments for tests, `make up` and the demo."""
