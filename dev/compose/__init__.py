"""The compose stack for real: a Docker engine of its own, on stand-ins for the public images."""
