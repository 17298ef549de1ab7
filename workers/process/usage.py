"""What `python -m workers --help` says."""

from rollcast.topology import POOLS
from workers.process.sources import CONFIG, Setting
from workers.settings import ALL

MIGRATE, ADOPT = "migrate", "adopt"
STATUSES = {
    0: "told to stop, and stopped; `migrate`: the ledger is migrated; `adopt`: it is recorded",
    1: "what it needs did not come in time or refuses it, a fault, or told to stop twice: start it again",
    2: "wrong usage, a setting that cannot be used, or one that differs from those of the server's other workers: "
    "starting it again does not help",
}
"""What the exit statuses mean."""


def usage() -> str:
    """Arguments, exit statuses and settings."""
    return f"""\
python -m workers [POOL ...]   run these pools, or all: {" ".join(POOLS)}
python -m workers {MIGRATE}      bring the ledger to the version of this program, and end
python -m workers {ADOPT}        make the ledger, spool and domains of the settings those of the server, and end

Exit status:
{chr(10).join(f"  {status}  {meaning}" for status, meaning in STATUSES.items())}

Settings are variables of the environment, or stand in the TOML file named by {CONFIG} under their names in
small letters without ROLLCAST_. The environment wins. A secret may lie in a file named by the variable with _FILE.
A variable that is nearly one of these is refused, of others that begin with ROLLCAST_ there is a warning.

{chr(10).join(map(_explained, ALL))}"""


def _explained(setting: Setting) -> str:
    default = "needed" if setting.default is None else f"default: {setting.default or 'none'}"
    names = " or ".join(setting.variables)
    return f"{names}  ({setting.kind.toml}; {default})\n    {setting.meaning}"
