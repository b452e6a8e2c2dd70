#!/bin/bash
# static.sh - gcc -fanalyzer, clang-tidy (.clang-tidy) and cppcheck over the house; clean, with no suppression.
#
# Usage: tests/static.sh [FILE.c]...      (default: every .c of sql, core, fcgi and ctl)
# Last line "N passed, N failed", one for each tool.  Exit status: 0 all clean, 77 a tool is missing.
set -u
cd "$(dirname "$0")/.." || exit 1
for tool in gcc clang-tidy cppcheck pkg-config; do
    command -v $tool >/dev/null || { echo "SKIPPED: no $tool"; exit 77; }
done
files=("$@")
[ ${#files[@]} -gt 0 ] || files=(sql/*.c core/*.c fcgi/*.c ctl/*.c)
# shellcheck disable=SC2207
libraries=($(pkg-config --cflags libcurl libcjson libpq libcrypto inih))
defines=(-D_GNU_SOURCE '-DOTPREFUND_VERSION="0"' '-DOTPREFUND_DATADIR="/usr/share/otprefund"'
    '-DOTPREFUND_SYSCONFDIR="/etc/otprefund"' '-DPACKAGE_VERSION="0"' '-DOTPREFUND_SECCOMP')
passed=0 failed=0

# verdict TOOL OUTPUT: any finding is a failure.
verdict() {
    if [ -z "$2" ]; then
        passed=$((passed + 1))
        echo "ok: $1 over ${#files[@]} files"
    else
        failed=$((failed + 1))
        echo "FAILED: $1"
        printf '%s\n' "$2" | head -n 60
    fi
}

analyzer() {
    local file
    for file in "${files[@]}"; do
        gcc -std=gnu11 -I. -Isql "${libraries[@]}" "${defines[@]}" -O1 -fanalyzer -c "$file" -o /dev/null 2>&1 |
            grep -E 'warning:|error:'
    done
}
verdict "gcc -fanalyzer" "$(analyzer)"
verdict cppcheck "$(cppcheck --enable=warning,performance --std=c11 --quiet -I. -Isql "${defines[@]}" "${files[@]}" 2>&1)"
# One file at a time: where it crashes over one, that is a finding too.
tidy() {
    clang-tidy --quiet "$1" -- -std=gnu11 -I. -Isql "${libraries[@]}" "${defines[@]}" >"$work/$2" 2>"$work/$2.err"
    local status=$?
    grep -E 'warning:|error:' "$work/$2"
    [ $status -le 1 ] || echo "$1: clang-tidy ended with status $status: $(tail -n 1 "$work/$2.err")"
}
tidy_all() {
    local i
    for ((i = 0; i < ${#files[@]}; i += 2)); do
        tidy "${files[i]}" $i &
        [ $((i + 1)) -ge ${#files[@]} ] || tidy "${files[i + 1]}" $((i + 1))
        wait
    done
}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
verdict clang-tidy "$(tidy_all | sort -u)"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
