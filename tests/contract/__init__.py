"""Code, schemas, vectors and the topology table say the same."""
