#!/bin/sh
# The public image's: the data is the server's user's, and so is the server.
set -eu
if [ "$(id -u)" = 0 ] && [ "$1" = rabbitmq-server ]; then
    chown -R rabbitmq /var/lib/rabbitmq
    exec gosu rabbitmq "$@"
fi
exec "$@"
