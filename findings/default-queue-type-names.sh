#!/usr/bin/env bash
# RabbitMQ 3.10.8's management API shows the type that queues of a virtual host have by default as
# "default_queue_type". One would expect to set it under that name, and to find it in exported definitions. But:
#
# - PUT /api/vhosts/NAME {"default_queue_type": "quorum"} answers 201 and sets nothing; the name that sets it is
#   "defaultqueuetype". So a script that was written for later versions leaves classic queues where replicated ones
#   were asked for, and nobody is told.
# - GET /api/definitions leaves it out: whoever restores a node from its export gets classic queues from then on.
# - POST /api/definitions takes neither name; only {"metadata": {"default_queue_type": "quorum"}} sets it.
#
# Of 4.0.5 and 4.3.6 only the last holds: what they export has it in "metadata", and 4.0.5 beside that under
# "default_queue_type", which neither of them reads again.
#
# The packages are those of Debian 12, unpacked in a temporary folder; the node listens on loopback only.
# Exit status: 0 if this is still so, 1 if not.
set -euo pipefail
folder=$(mktemp -d)
cleanup() {
    [ -z "${node:-}" ] || kill "$node" && wait "$node" || true
    [ -z "${epmd:-}" ] || kill "$epmd" && wait "$epmd" || true
    rm -rf "$folder"
}
trap 'cleanup 2>/dev/null' EXIT

cd "$folder"
apt-get --quiet=2 --option=APT::Sandbox::User=root download rabbitmq-server=3.10.8-1.1+deb12u1 \
    $(apt-cache depends --recurse --important rabbitmq-server | grep -E '^erlang-' | grep -v '<' | sort -u)
for package in *.deb; do dpkg -x "$package" root; done

read -r amqp api distribution mapper < <(python3 - <<'PYTHON'
import socket

sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*(one.getsockname()[1] for one in sockets))
PYTHON
)
export HOME=$folder ROOTDIR=$folder/root/usr/lib/erlang EMU=beam PROGNAME=erl
export BINDIR=$(echo "$ROOTDIR"/erts-*/bin)
mkdir bin
printf '#!/bin/sh\nexec "$BINDIR/erlexec" "$@"\n' > bin/erl
chmod +x bin/erl
export PATH=$folder/bin:$PATH ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=$mapper
cat > rabbitmq.conf <<CONFIG
listeners.tcp.1 = 127.0.0.1:$amqp
management.tcp.ip = 127.0.0.1
management.tcp.port = $api
CONFIG
echo '[rabbitmq_management].' > plugins
export RABBITMQ_NODENAME=finding@localhost RABBITMQ_DIST_PORT=$distribution RABBITMQ_CONF_ENV_FILE=/dev/null
export RABBITMQ_CONFIG_FILE=$folder/rabbitmq.conf RABBITMQ_ENABLED_PLUGINS_FILE=$folder/plugins
export RABBITMQ_MNESIA_BASE=$folder/data RABBITMQ_LOG_BASE=$folder/log RABBITMQ_ALLOW_INPUT=true
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-noinput -kernel inet_dist_use_interface {127,0,0,1}'
"$BINDIR/epmd" &
epmd=$!
root/usr/lib/rabbitmq/bin/rabbitmq-server > node.log 2>&1 &
node=$!

python3 - "$api" <<'PYTHON'
import base64
import http.client
import json
import sys
import time

HEADERS = {
    "Authorization": "Basic " + base64.b64encode(b"guest:guest").decode(),
    "Content-Type": "application/json",
}


def call(method, path, body=None):
    client = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
    client.request(method, path, json.dumps(body) if body is not None else None, HEADERS)
    answer = client.getresponse()
    data = answer.read()
    return answer.status, json.loads(data) if data else None


def wait():
    for _ in range(120):
        try:
            return call("GET", "/api/overview")[1]["rabbitmq_version"]
        except OSError:
            time.sleep(0.5)
    sys.exit("the node does not come up")


def type_of_a_queue(vhost):
    """Of one that is declared without a type."""
    call("PUT", f"/api/permissions/{vhost}/guest", {"configure": ".*", "write": ".*", "read": ".*"})
    call("PUT", f"/api/queues/{vhost}/q", {"durable": True})
    return call("GET", f"/api/queues/{vhost}/q")[1]["type"]


print("RabbitMQ", wait())
found = []
for vhost, name in (("a", "default_queue_type"), ("b", "defaultqueuetype")):
    status, _ = call("PUT", f"/api/vhosts/{vhost}", {name: "quorum"})
    found += [status, type_of_a_queue(vhost)]
    print(f"PUT with {name}: status {status}, a queue is {found[-1]}")
shown = call("GET", "/api/vhosts/b")[1]["default_queue_type"]
(exported,) = (one for one in call("GET", "/api/definitions")[1]["vhosts"] if one["name"] == "b")
found += [shown, sorted(exported)]
print(f"GET shows default_queue_type {shown}; exported is {exported}")
for vhost, given in (
    ("c", {"default_queue_type": "quorum"}),
    ("d", {"defaultqueuetype": "quorum"}),
    ("e", {"metadata": {"default_queue_type": "quorum"}}),
):
    status, _ = call("POST", "/api/definitions", {"vhosts": [{"name": vhost, **given}]})
    found += [status, type_of_a_queue(vhost)]
    print(f"imported with {given}: status {status}, a queue is {found[-1]}")
expected = [201, "classic", 201, "quorum", "quorum", ["name"]]
expected += [204, "classic", 204, "classic", 204, "quorum"]
sys.exit(0 if found == expected else 1)
PYTHON
