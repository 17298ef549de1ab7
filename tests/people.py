"""Who plays in the tests: servers, their domains and the addresses in them.

A process of pytest-xdist has names of its own: the users of a broker are those of the whole node, whatever virtual
host they work in.
"""

import os
from collections.abc import Mapping, Sequence

from dev.definitions import OPERATOR as OF_DEVELOPMENT
from dev.definitions import server_user

_WORKER = os.environ.get("PYTEST_XDIST_WORKER")


def own(name: str) -> str:
    """The name that a thing of this process has."""
    return f"{name}-{_WORKER}" if _WORKER else name


def everybodys(text: str) -> str:
    """The text with names as all processes of a run know them."""
    return text.replace(f"-{_WORKER}", "") if _WORKER else text


VHOST = own("tests")
SERVER, OPERATOR = own("main"), own(OF_DEVELOPMENT)
SERVER_USER = server_user(SERVER)
ACME, GLOBEX, INITECH, UMBRELLA = map(own, ("acme", "globex", "initech", "umbrella"))
ONE_SERVER: Mapping[str, Sequence[str]] = {SERVER: (ACME, GLOBEX)}
SERVER_PER_DOMAIN: Mapping[str, Sequence[str]] = {ACME: (ACME,), GLOBEX: (GLOBEX,)}

ALICE, BOB = f"alice@{ACME}", f"bob@{ACME}"
CAROL = f"carol@{GLOBEX}"
DAVE, ERIN, FRANK = f"dave@{GLOBEX}", f"erin@{GLOBEX}", f"frank@{GLOBEX}"
EVE, MALLORY = f"eve@{ACME}", f"mallory@{ACME}"
BOB_OF_GLOBEX, CAROL_OF_ACME = f"bob@{GLOBEX}", f"carol@{ACME}"
NOBODY, STRANGER = f"nobody@{ACME}", "grace@nowhere"
"""Without an account, and of a domain that nobody serves."""
