"""Which RabbitMQ can be worked with."""

OLDEST = (3, 10)
PASSIVE = "4.3.0"
"""From 4.3 on a passive declare needs a right on that very queue; in this release it must be that to configure it."""


def numbers(version: str) -> tuple[int, ...]:
    """The series of a version: (3, 10) of `3.10.8`."""
    return tuple(int(word) for word in version.split(".")[:2] if word.isdigit())


def objection(version: str) -> tuple[str, str] | None:
    """What speaks against a version, and what to do; None if nothing does."""
    if numbers(version) < OLDEST:
        return f"RabbitMQ {version} is too old", "Install RabbitMQ 3.10 or newer."
    if version == PASSIVE:
        what = (
            f"RabbitMQ {version} refuses a passive declare of a queue without the right to configure it, "
            "which terminals do not have: clients that look before they consume fail"
        )
        return what, "Install a later release of 4.3."
    return None
