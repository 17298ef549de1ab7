"""Run by `make compose-test`. The image's HEALTHCHECK: prints what the worker says of itself, fails if not ready."""

import http.client
import os
import sys

worker = http.client.HTTPConnection("127.0.0.1", int(os.environ["ROLLCAST_METRICS_PORT"]), timeout=7)
try:
    worker.request("GET", "/readyz")
    answer = worker.getresponse()
    print(answer.read().decode())
except OSError as error:
    sys.exit(f"no answer: {error}")
sys.exit(answer.status != http.client.OK)
