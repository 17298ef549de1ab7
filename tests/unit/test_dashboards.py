"""The dashboards' files: what Grafana needs of them, as far as that can be seen without it."""

from collections import Counter
from itertools import product
from typing import Any

import pytest
import yaml

from dev import metrics_page
from dev.dashboards import FOLDER, files
from dev.monitoring import queries
from dev.packages import CHECKOUT

DASHBOARDS = queries.dashboards()
UNITS = {"short", "s", "ops", "Bps", "bytes", "percentunit"}
PROVISIONING = CHECKOUT / "deploy" / "grafana" / "provisioning"
Json = dict[str, Any]


def _drawn(dashboard: Json) -> list[Json]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def test_they_are_what_the_code_says() -> None:
    """`python -m dev.dashboards` writes them."""
    assert files.differences(FOLDER) == []
    assert set(DASHBOARDS) == {"overview", "steps", "deliveries"}


def test_their_uids_and_titles_are_their_own() -> None:
    """And each says by its version of the format how it is to be read."""
    assert len({one["uid"] for one in DASHBOARDS.values()}) == len(DASHBOARDS)
    assert len({one["title"] for one in DASHBOARDS.values()}) == len(DASHBOARDS)
    assert {one["schemaVersion"] for one in DASHBOARDS.values()} == {39}
    assert all(one["panels"] and one["tags"] == ["rollcast"] for one in DASHBOARDS.values())


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
class TestPanels:
    """Of one dashboard."""

    def test_each_has_an_id_of_its_own(self, dashboard: Json) -> None:
        """Grafana takes one of two that have the same."""
        assert max(Counter(panel["id"] for panel in dashboard["panels"]).values()) == 1

    def test_none_overlaps_another(self, dashboard: Json) -> None:
        """On a grid that is 24 wide."""
        cells: Counter[tuple[int, int]] = Counter()
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            assert 0 <= place["x"] < place["x"] + place["w"] <= 24
            columns = range(place["x"], place["x"] + place["w"])
            cells.update(product(columns, range(place["y"], place["y"] + place["h"])))
        assert set(cells.values()) == {1}

    def test_each_says_what_it_shows(self, dashboard: Json) -> None:
        """A title, a sentence, a unit."""
        for panel in _drawn(dashboard):
            assert panel["title"]
            assert panel["description"].endswith(".")
            assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert max(Counter(panel["title"] for panel in _drawn(dashboard)).values()) == 1

    def test_each_asks_the_data_source_that_is_provisioned(self, dashboard: Json) -> None:
        """Each of its queries by a letter of its own, with a name for what comes back."""
        (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())[
            "datasources"
        ]
        wanted = {"type": source["type"], "uid": source["uid"]}
        for panel in _drawn(dashboard):
            assert panel["datasource"] == wanted
            assert [target["datasource"] for target in panel["targets"]] == [wanted] * len(panel["targets"])
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
            assert all(target["expr"] and target["legendFormat"] for target in panel["targets"])


def test_every_metric_of_ours_is_shown_or_recorded() -> None:
    """A metric that nobody looks at is not worth its counting."""
    exprs = [asked.expr for asked in queries.all_asked()]
    exprs += [rule["expr"] for kind in ("record", "alert") for rule in queries.rules(kind)]
    asked = {name for expr in exprs for name in queries.metrics(expr)}
    unseen = {name for name in metrics_page.series_names() - asked if not name.endswith(("_sum", "_count"))}
    assert unseen == set()


@pytest.mark.parametrize(
    ("expr", "names"),
    [
        ("a:b:c", {"a:b:c"}),
        ('sum by (x, y) (rate(m_total{l=~"z"}[5m])) > 0', {"m_total"}),
        ("up == 0 or absent(up)", {"up"}),
        ('a > 0 unless on (server) label_replace(b, "server", "$1", "queue", "c(.*)")', {"a", "b"}),
        ("count(a) or vector(0)", {"a"}),
    ],
)
def test_the_names_in_a_query(expr: str, names: set[str]) -> None:
    """Functions, labels, durations and texts are none."""
    assert queries.metrics(expr) == names
