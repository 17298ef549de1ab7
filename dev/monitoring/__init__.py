"""Workers, broker and Prometheus together: what `deploy/prometheus` and `deploy/grafana` say is tried on them."""
