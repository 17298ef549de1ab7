"""The manifests for Kubernetes, rendered as kubectl renders them, and held against what they are for."""
