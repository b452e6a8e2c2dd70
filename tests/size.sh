#!/bin/bash
# size.sh - small enough to read: files, functions and lines stay under their limits.
#
# Usage: size.sh [SOURCES]     Last line: "N passed, N failed".  Exit status: 0 all passed, 77 no universal-ctags.
set -u
shopt -s nullglob
export LC_ALL=C.UTF-8
cd "${1:-${srcdir:-$(dirname "$0")/..}}" || exit 1

house_lines=500 test_lines=700  # of a .c file
function_lines=60 share=90      # so many in a hundred functions are no longer than that
function_max=150                # of any function
columns=110                     # of any line in C

# shellcheck source=tests/count.sh
. tests/count.sh

if ! ctags --version 2>/dev/null | grep -q Universal; then
    echo "size: universal-ctags is not installed (Debian package universal-ctags)"
    exit 77
fi

# A file of so many lines at most.
for room in sql core fcgi ctl tests; do
    limit=$house_lines
    [ $room != tests ] || limit=$test_lines
    sources=("$room"/*.c "$room"/*/*.c)
    long=$(wc -l "${sources[@]}" | awk -v max=$limit '$2 != "total" && $1 > max { print $2 ": " $1 " lines" }')
    if [ -z "$long" ]; then pass; else fail "$room: files of more than $limit lines" "$long"; fi
done

# Lines that fit on a screen.
wide=$(awk -v max=$columns 'length($0) > max { print FILENAME ":" FNR ": " length($0) " columns" }' \
    {sql,core,fcgi,ctl}/*.[ch] tests/*/*.[ch] 2>/dev/null)
if [ -z "$wide" ]; then pass; else fail "lines of more than $columns columns" "$wide"; fi

# Functions: nine of ten short, none very long.
for room in sql core fcgi ctl tests/bank tests/integration tests/unit; do
    sources=("$room"/*.c)
    [ ${#sources[@]} -gt 0 ] || continue
    sizes=$(ctags --languages=C --kinds-C=f --fields=+ne -f - "${sources[@]}" 2>/dev/null |
        awk -F'\t' '{ start = end = 0
                      for (i = 4; i <= NF; i++) {
                          if ($i ~ /^line:/) start = substr($i, 6)
                          if ($i ~ /^end:/) end = substr($i, 5)
                      }
                      if (start && end) print end - start + 1, $2 ": " $1 }' | sort -rn)
    n=$(printf '%s\n' "$sizes" | wc -l)
    long=$(printf '%s\n' "$sizes" | awk -v max=$function_lines '$1 > max')
    n_long=$(printf '%s' "$long" | grep -c .)
    if [ -z "$sizes" ]; then
        fail "$room: no function was found"
    elif [ $((100 * (n - n_long))) -ge $((share * n)) ]; then
        pass
    else
        fail "$room: $n_long of $n functions have more than $function_lines lines" "$long"
    fi
    long=$(printf '%s\n' "$sizes" | awk -v max=$function_max '$1 > max')
    if [ -z "$long" ]; then pass; else fail "$room: functions of more than $function_max lines" "$long"; fi
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
