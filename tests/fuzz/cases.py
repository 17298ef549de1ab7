"""How many cases are tried: in `make test` a thousand messages, with HYPOTHESIS_PROFILE=long 100,000."""

from hypothesis import HealthCheck, settings

USUAL = 100
"""Examples that Hypothesis tries by itself."""


def cases(short: int) -> settings:
    """Settings for so many cases, or as many times more as the profile in force wants more than usual."""
    return settings(
        max_examples=short * settings().max_examples // USUAL,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
