"""The Grafana dashboards as code: `python -m dev.dashboards` writes `deploy/grafana`, `--check` only compares."""

from dev.packages import CHECKOUT

FOLDER = CHECKOUT / "deploy" / "grafana" / "dashboards"
