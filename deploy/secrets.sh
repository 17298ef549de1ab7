#!/bin/sh
# Run by `make compose-test`. Makes the passwords that docker-compose.yml needs, in deploy/secrets/, once; they are kept.
set -eu
umask 077
cd "$(dirname "$0")"
if [ -d secrets ]; then
    echo "deploy/secrets is there, and stays as it is."
    exit 0
fi
broker=rabbitmq
if [ -e ../.env ]; then
    broker=$(sed -n 's/^BROKER_HOST=//p' ../.env)
fi

password() {
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

rm -rf secrets.new
mkdir secrets.new
server=$(password) operator=$(password) postgres=$(password)
cat > secrets.new/rabbitmq-users.json <<JSON
{"users": [
  {"name": "server-main", "password": "$server", "tags": ["administrator"]},
  {"name": "operator", "password": "$operator", "tags": []}
]}
JSON
printf '%s' "amqp://server-main:$server@rabbitmq:5672/" > secrets.new/amqp-url
printf '%s' "http://server-main:$server@rabbitmq:15672" > secrets.new/management-url
printf '%s' "amqp://operator:$operator@${broker:-rabbitmq}:5672/" > secrets.new/operator-url
printf '%s' "postgresql://rollcast:$postgres@postgres:5432/rollcast" > secrets.new/ledger-url
printf '%s' "$postgres" > secrets.new/postgres-password
password > secrets.new/grafana-password
# Only their owner gets into the folder; containers run as other users, and are given the files one by one.
chmod 644 secrets.new/*
mv secrets.new secrets
echo "deploy/secrets is made. Keep it with your backups."
