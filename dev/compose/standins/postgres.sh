#!/bin/sh
# The public image's, as far as it is used: the first start makes the user and the database, its password from a file.
set -eu
if [ "$(id -u)" = 0 ]; then
    install --directory --owner postgres --mode 700 "$PGDATA"
    install --directory --owner postgres --mode 3777 /var/run/postgresql
    exec gosu postgres "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust --auth-host=scram-sha-256
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    # Until the database is there nobody may come in by TCP.
    pg_ctl --wait --options="-c listen_addresses=''" start
    createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
    pg_ctl --wait --mode=fast stop
fi
exec "$@" -c listen_addresses='*'
