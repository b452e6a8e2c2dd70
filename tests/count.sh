# count.sh - what the scripts of make check count with.  Sourced by bash.
# shellcheck shell=bash disable=SC2034  # passed and failed are read by who sources it

passed=0 failed=0
pass() { passed=$((passed + 1)); }
# fail WHAT [DETAILS]
fail() {
    failed=$((failed + 1))
    echo "FAILED: $1"
    [ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/    /'
}
