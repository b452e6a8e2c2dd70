#!/bin/bash
# coverage.sh - lines and branches of core/ that the unit tests ran, file by file.
#
# Usage: tests/coverage.sh OBJ      (a build configured with --enable-coverage, after make check)
set -u
obj=$(cd "${1:?a build folder}" && pwd -P) || exit 2
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
printf '%-26s %8s %10s %8s\n' file lines branches taken
for notes in "$obj"/core/.libs/libcore_la-*.gcno; do
    file=core/$(basename "$notes" .gcno | sed 's/^libcore_la-//').c
    gcov -b -c -n -o "$obj/core/.libs" "$notes" 2>/dev/null | awk -v file="$file" '
        /^File / { ours = index($0, file "\047") > 0 }
        ours && /^Lines executed/ { split($2, p, ":"); lines = p[2] }
        ours && /^Branches executed/ { branches = $4 }
        ours && /^Taken at least once/ { split($4, p, ":"); taken = p[2] }
        END { printf "%-26s %8s %10s %8s\n", file, lines, branches, taken }'
done
