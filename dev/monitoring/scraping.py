"""`deploy/prometheus/prometheus.yml` with real addresses in the place of DNS names, and a quick pulse."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from dev.packages import CHECKOUT

SOURCE = CHECKOUT / "deploy" / "prometheus" / "prometheus.yml"
PULSE = "1s"
Json = dict[str, Any]


def write(file: Path, workers: Mapping[str, Sequence[int]], broker: int) -> Path:
    """The configuration for these ports on 127.0.0.1: of the workers by group, of the broker's Prometheus plugin."""
    configuration = yaml.safe_load(SOURCE.read_text())
    configuration["global"] = {"scrape_interval": PULSE, "evaluation_interval": PULSE}
    configuration["rule_files"] = [str(SOURCE.parent / pattern) for pattern in configuration["rule_files"]]
    for job in configuration["scrape_configs"]:
        job["static_configs"] = list(_targets(job, workers, broker))
        job.pop("dns_sd_configs", None)
    file.write_text(yaml.safe_dump(configuration))
    return file


def _targets(job: Json, workers: Mapping[str, Sequence[int]], broker: int) -> list[Json]:
    if "dns_sd_configs" not in job:
        return [{"targets": [f"127.0.0.1:{broker}"]}]
    names = [name for found in job["dns_sd_configs"] for name in found["names"]]
    return [
        {"targets": [f"127.0.0.1:{port}" for port in workers[name]], "labels": {"__meta_dns_name": name}}
        for name in names
    ]
