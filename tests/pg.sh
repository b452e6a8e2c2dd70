#!/bin/sh
# pg.sh - runs a command with a private, throw-away PostgreSQL cluster.
#
#   tests/pg.sh COMMAND [ARGUMENT...]
#
# The cluster lives in a new folder under ${TMPDIR:-/tmp}, listens on a Unix socket there and nowhere
# else, and is stopped and removed when the command ends, however it ends.  The command finds the
# conninfo of a superuser in OTPREFUND_TEST_DB, the folder in OTPREFUND_TEST_PG, and where the server's
# programs are in OTPREFUND_TEST_PGBIN.
# Exit status: the command's; 77 if there is no PostgreSQL server on this machine.
set -eu

[ $# -gt 0 ] || { echo "usage: tests/pg.sh COMMAND [ARGUMENT...]" >&2; exit 2; }

bin=
for dir in "${PGBIN:-}" /usr/lib/postgresql/*/bin /usr/local/pgsql/bin; do
    [ -n "$dir" ] && [ -x "$dir/initdb" ] && bin=$dir
done
if [ -z "$bin" ]; then
    bin=$(command -v pg_config >/dev/null && pg_config --bindir || true)
    [ -n "$bin" ] && [ -x "$bin/initdb" ] || { echo "pg.sh: no PostgreSQL server found" >&2; exit 77; }
fi

home=$(mktemp -d "${TMPDIR:-/tmp}/otprefund-pg.XXXXXX")
if [ "$(id -u)" -eq 0 ]; then
    id postgres >/dev/null 2>&1 || { echo "pg.sh: root needs a user postgres" >&2; rmdir "$home"; exit 77; }
    chown postgres "$home"
    as() { (cd / && exec runuser -u postgres -- "$@"); }
else
    as() { (cd / && exec "$@"); }
fi

clean() {
    [ ! -f "$home/data/postmaster.pid" ] ||
        as "$bin/pg_ctl" -D "$home/data" -m immediate -s -w stop >/dev/null 2>&1 || true
    rm -rf "$home"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
    echo "pg.sh: $1" >&2
    for log in "$home/log" "$home/data/log"; do [ ! -f "$log" ] || tail -n 5 "$log" >&2; done
    exit 1
}

as "$bin/initdb" -D "$home/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >"$home/log" 2>&1 ||
    fail "initdb failed"
cat >>"$home/data/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$home'
unix_socket_permissions = 0700
max_connections = 200
END
as "$bin/pg_ctl" -D "$home/data" -l "$home/data/log" -s -w -t 60 start >/dev/null 2>&1 ||
    fail "the cluster does not start"
as "$bin/createdb" -h "$home" -U postgres -T template0 -E UTF8 otprefund || fail "createdb failed"

OTPREFUND_TEST_DB="host=$home dbname=otprefund user=postgres"
OTPREFUND_TEST_PG=$home OTPREFUND_TEST_PGBIN=$bin
export OTPREFUND_TEST_DB OTPREFUND_TEST_PG OTPREFUND_TEST_PGBIN
status=0
"$@" || status=$?
exit $status
