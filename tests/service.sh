#!/bin/bash
# service.sh - the sandbox of otprefund.service: every fence stands, systemd takes the unit, and its exposure is low.
#
# Usage: service.sh [SOURCES]     Last line: "N passed, N failed".  Exit status: 0 all passed.
# Without systemd-analyze, or where it is too old for --offline, only the directives are looked for.
set -u
export LC_ALL=C SYSTEMD_COLORS=0
build=$PWD
cd "${1:-${srcdir:-$(dirname "$0")/..}}" || exit 1

exposure_max=12 # tenths, of systemd-analyze security; 0 is nothing to attack, 100 is no fence at all
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/count.sh
. tests/count.sh

# The unit as make makes it; the program is named by one that is there, for systemd-analyze looks.
for unit in service socket; do
    sed -e 's|@libexecdir@/otprefund.fcgi|/bin/true|g' -e 's|@libdir@|/usr/lib|g' -e 's|@sysconfdir@|/etc|g' \
        web/otprefund.$unit.in >"$work/otprefund.$unit"
done

# ---- every fence stands --------------------------------------------------------------------------
while IFS= read -r line; do
    [ -n "$line" ] || continue
    if grep -qxF -- "$line" "$work/otprefund.service"; then pass; else fail "otprefund.service lacks $line"; fi
done <<'END'
User=otprefund
TimeoutStopSec=90
CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=yes
RestrictSUIDSGID=yes
PrivateUsers=yes
UMask=0077
LimitCORE=0
ProtectSystem=strict
ProtectHome=yes
NoExecPaths=/
PrivateTmp=yes
PrivateDevices=yes
PrivateMounts=yes
DevicePolicy=closed
ProtectProc=invisible
ProcSubset=pid
RemoveIPC=yes
KeyringMode=private
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallFilter=seccomp
SystemCallErrorNumber=EPERM
SystemCallArchitectures=native
MemoryDenyWriteExecute=yes
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
END
if grep -qE '^(ReadWritePaths|StateDirectory|SupplementaryGroups|Environment|PassEnvironment)=' "$work/otprefund.service"
then fail "otprefund.service gives it a folder to write, a group or an environment"; else pass; fi
for line in SocketMode=0660 SocketGroup=www-data; do
    if grep -qxF -- $line "$work/otprefund.socket"; then pass; else fail "otprefund.socket lacks $line"; fi
done
if grep -E '^ListenStream=' "$work/otprefund.socket" | grep -qv '^ListenStream=/'
then fail "otprefund.socket listens on more than a path"; else pass; fi

# ---- what systemd says ---------------------------------------------------------------------------
if ! told=$(systemd-analyze security --offline=true --no-pager "$work/otprefund.service" 2>&1); then
    case $told in
    *"exposure level"*) ;;
    *) echo "service: no systemd-analyze that works offline (Debian package systemd): the figure is not taken" ;;
    esac
fi
figure=$(printf '%s\n' "$told" | sed -nE 's/.*Overall exposure level for otprefund\.service: ([0-9]+)\.([0-9]).*/\1\2/p')
if [ -n "$figure" ]; then
    echo "service: exposure $((10#$figure / 10)).$((10#$figure % 10)) of 10"
    if [ $((10#$figure)) -le $exposure_max ]; then pass; else fail "exposure is above $exposure_max tenths" "$told"; fi
    # PostgreSQL and the network's target are not there while it is looked at offline.
    wrong=$(systemd-analyze verify --man=no --recursive-errors=no \
        "$work/otprefund.service" "$work/otprefund.socket" 2>&1 | grep -F "$work" )
    if [ -z "$wrong" ]; then pass; else fail "systemd-analyze verify" "$wrong"; fi
fi

# ---- the program's own filter can be set up under the unit's ---------------------------------------
# set_of NAME: the system calls of a set, sets within it included.
set_of() {
    local line
    systemd-analyze syscall-filter "$1" 2>/dev/null | sed -n 's/^ \{4\}\([a-z@_][a-z0-9_@-]*\)$/\1/p' |
        while read -r line; do
            case $line in @*) set_of "$line" ;; *) echo "$line" ;; esac
        done
}
sandbox=$build/tests/unit/test_sandbox
if [ -n "$figure" ] && [ -x "$sandbox" ]; then
    { set_of @privileged; set_of @resources; } | sort -u >"$work/minus"
    { set_of @system-service | sort -u | comm -23 - "$work/minus"
      sed -nE 's/^SystemCallFilter=([a-z].*)/\1/p' "$work/otprefund.service" | tr ' ' '\n'; } >"$work/calls"
    told=$("$sandbox" --under "$work/calls" "$sandbox" 2>&1)
    case $? in
    0) pass ;;
    77) echo "service: $told" ;;
    *) fail "the program's filter under the unit's ($(wc -l <"$work/calls") calls)" "$told" ;;
    esac
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
