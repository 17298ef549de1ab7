"""`make up`: a broker and all worker pools in the foreground, and a file of exports to use them."""

import shlex
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from dev.alone import alone
from dev.broker import Broker, node
from dev.deployment import Deployment, Worker, deployment
from dev.installation import wanted
from dev.packages import CHECKOUT, RUN, Missing
from dev.processes import Failed, unwind_when_told_to_end

ENV = RUN / "env"

READY = """\
RabbitMQ {version} and the workers for {domains} are up; their log is {log}.
In another terminal:
    . {env}
    rollcast admin add bob@acme
Ctrl-C stops everything."""


def main() -> int:
    """Run until Ctrl-C, SIGTERM or the end of the workers or the broker; return the exit status."""
    unwind_when_told_to_end()
    try:
        # Data of one version is nothing for another.
        folder = RUN / f"rabbitmq-{series}" if (series := wanted()) else RUN
        with alone("up"), node(folder / "broker") as broker, deployment(folder, broker) as running:
            return _serve(broker, running)
    except KeyboardInterrupt:
        return 0
    except (Missing, Failed) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, Missing) else 1


def _serve(broker: Broker, running: Deployment) -> int:
    (worker,) = running.workers
    _write(ENV, _exports(broker, running))
    try:
        values = {"domains": " and ".join(running.domains), "log": worker.log, "env": shlex.quote(str(ENV))}
        print(READY.format(version=broker.version, **values), flush=True)
        while worker.returncode is None:
            broker.check()
            time.sleep(0.2)
    finally:
        ENV.unlink(missing_ok=True)
    return _status(worker, worker.returncode)


def _status(worker: Worker, returncode: int) -> int:
    print(f"The workers ended with status {returncode}; {worker.log} ends with:", file=sys.stderr)
    print(worker.tail(), file=sys.stderr)
    return returncode if returncode >= 0 else 128 - returncode


def _exports(broker: Broker, running: Deployment) -> dict[str, str]:
    return {
        "ROLLCAST_AMQP_URL": running.operator_url,
        "ROLLCAST_HOME": str(running.home),
        "ROLLCAST_DOMAINS": ",".join(running.domains),
        "ROLLCAST_MANAGEMENT_PORT": str(urlsplit(broker.management_url).port),
        "ROLLCAST_METRICS_PORT": str(running.workers[0].metrics_port),
    }


def _write(file: Path, exports: dict[str, str]) -> None:
    path = f"export PATH={shlex.quote(str(CHECKOUT / '.venv' / 'bin'))}:$PATH\n"
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in exports.items())
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(path + "".join(lines))


if __name__ == "__main__":
    sys.exit(main())
