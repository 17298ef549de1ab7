"""A dashboard as the JSON that Grafana provisions."""

from collections.abc import Iterator
from typing import Any

from dev.dashboards.panels import Dashboard, Panel, Row

SCHEMA = 39
"""The version of the format, which Grafana 11 writes; newer ones convert it."""
DATASOURCE = {"type": "prometheus", "uid": "prometheus"}
ACROSS = 24
HEIGHT = {"timeseries": 8, "stat": 4}
Json = dict[str, Any]


def build(dashboard: Dashboard) -> Json:
    """The whole document."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["rollcast"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [_server()]},
        "annotations": {"list": []},
        "links": [_links()],
        "panels": list(_panels(dashboard)),
    }


def _panels(dashboard: Dashboard) -> Iterator[Json]:
    number, top = 0, 0
    for row in dashboard.rows:
        number += 1
        yield _heading(number, row, top)
        top += 1
        left = height = 0
        for panel in row.panels:
            number += 1
            if left + panel.width > ACROSS:
                left, top, height = 0, top + height, 0
            height = max(height, HEIGHT[panel.kind])
            yield _panel(number, panel, left, top)
            left += panel.width
        top += height


def _heading(number: int, row: Row, top: int) -> Json:
    place = {"x": 0, "y": top, "w": ACROSS, "h": 1}
    return {
        "id": number,
        "type": "row",
        "title": row.title,
        "collapsed": False,
        "gridPos": place,
        "panels": [],
    }


def _panel(number: int, panel: Panel, left: int, top: int) -> Json:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": {"x": left, "y": top, "w": panel.width, "h": HEIGHT[panel.kind]},
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _OPTIONS[panel.kind],
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": DATASOURCE,
                "expr": query.expr,
                "legendFormat": query.legend,
                "range": panel.kind == "timeseries",
                "instant": panel.kind == "stat",
            }
            for place, query in enumerate(panel.queries)
        ],
    }


def _field(panel: Panel) -> Json:
    if panel.kind == "stat":
        return {"unit": panel.unit}
    stacking = {"mode": "normal" if panel.stacked else "none", "group": "A"}
    return {
        "unit": panel.unit,
        "min": 0,
        "custom": {"lineWidth": 1, "fillOpacity": 30 if panel.stacked else 5, "stacking": stacking},
    }


_OPTIONS: dict[str, Json] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "area",
        "textMode": "auto",
    },
}


def _server() -> Json:
    query = 'label_values(up{job="rollcast"}, server)'
    return {
        "name": "server",
        "label": "Server",
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": "server"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _links() -> Json:
    return {
        "type": "dashboards",
        "title": "Rollcast",
        "tags": ["rollcast"],
        "keepTime": True,
        "includeVars": True,
    }
