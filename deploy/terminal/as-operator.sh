#!/bin/sh
# Run by `make compose-test`: what one-off containers of docker-compose.yml start with.
set -eu
ROLLCAST_AMQP_URL=$(cat /run/secrets/operator-url)
export ROLLCAST_AMQP_URL
exec "$@"
