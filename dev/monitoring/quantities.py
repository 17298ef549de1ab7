"""Numbers of Grafana's units as people read them."""

import math

BINARY = ("", " KiB", " MiB", " GiB", " TiB")
THOUSAND = ("", " k", " M", " G", " T")
LEAST = {"short": 1.0, "percentunit": 1.0, "s": 0.1, "ops": 0.1, "bytes": 1024.0, "Bps": 1000.0}
"""The top of an axis on which there is nothing."""


def text(value: float, unit: str) -> str:
    """A number with its unit."""
    match unit:
        case "percentunit":
            return f"{100 * value:.3g} %"
        case "bytes":
            return _scaled(value, 1024, BINARY)
        case "Bps":
            return _scaled(value, 1000, THOUSAND) + "B/s"
        case "s":
            return f"{value:.3g} s" if value < 120 else f"{value / 60:.3g} min"
        case "ops":
            return f"{value:.3g}/s"
    return _scaled(value, 1000, THOUSAND)


def round_up(value: float, unit: str) -> float:
    """The top of an axis for what is at most `value`: 1, 2 or 5 and zeros."""
    least = max(value, LEAST[unit])
    size = 1024.0 ** int(math.log(least, 1024)) if unit == "bytes" else 1.0
    power = 10.0 ** math.floor(math.log10(least / size))
    return next(step * power * size for step in (1, 2, 5, 10) if step * power * size >= least)


def _scaled(value: float, size: int, names: tuple[str, ...]) -> str:
    power = min(int(math.log(value, size)), len(names) - 1) if value >= size else 0
    return f"{value / size**power:.3g}{names[power]}"
