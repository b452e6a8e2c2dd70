#!/bin/bash
# promises.sh - every promise has tests that can fail for it, and these are there and run; money is never floating point.
#
# Usage: promises.sh [SOURCES]     Last line: "N passed, N failed".  Exit status: 0 all passed.
set -u
export LC_ALL=C
cd "${1:-${srcdir:-$(dirname "$0")/..}}" || exit 1
tab=$'\t'
# shellcheck source=tests/count.sh
. tests/count.sh

while IFS= read -r line; do
    IFS=$'\x1f' read -r promise file function what <<<"${line//$tab/$'\x1f'}"
    if ! [[ $promise =~ ^([1-9]|1[01])$ ]] || [ -z "$what" ]; then
        fail "promises.tsv: not a row: $line"
    elif [ ! -f "$file" ]; then
        fail "promise $promise: there is no $file"
    elif [ -z "$function" ]; then
        pass
    elif ! grep -qE "^static void $function\(void\) \{" "$file"; then
        fail "promise $promise: $file has no test $function"
    elif [ "$(grep -cE "\b$function\b" "$file")" -lt 2 ]; then
        fail "promise $promise: $file never runs $function"
    else
        pass
    fi
done < <(grep -v '^#' tests/promises.tsv)

for promise in 1 2 3 4 5 6 7 8 9 10 11; do
    if grep -q "^$promise$tab" tests/promises.tsv; then pass; else fail "promise $promise has no test in promises.tsv"; fi
    if grep -q "^$promise$tab" tests/mutants/mutants.tsv; then pass; else fail "promise $promise has no mutant"; fi
done

# Mutants are found by tests that are named for their promise, and still change what they are to change.
while IFS=$tab read -r promise name file expression test; do
    source=tests/unit/${test%.pg}.c
    if [ "$promise" != - ] && ! grep -qE "^$promise${tab}$source${tab}" tests/promises.tsv; then
        fail "mutant $name: promises.tsv does not name $source for promise $promise"
    elif ! [ -f "$file" ] || cmp -s "$file" <(sed "$expression" "$file"); then
        fail "mutant $name changes nothing in $file: adapt it to the code"
    else
        pass
    fi
done < <(grep -v '^#' tests/mutants/mutants.tsv)

# Promise 11.  A gauge or a length on the screen is no money.
found=$(grep -nE '\b(float|strtod|strtof|strtold|atof)\b|\bdouble\b.*(paise|amount)|(paise|amount).*\bdouble\b|\b(valuedouble|lround|llround)\b.*(paise|amount)' \
    {sql,core,fcgi,ctl}/*.[ch] | grep -vE 'never through a double')
if [ -z "$found" ]; then pass; else fail "money on the way as floating point: $found"; fi
found=$(grep -nEi '^[^-]*\b(real|float[48]?|double precision)\b' sql/*.sql | grep -vE "COMMENT|^[^:]*:[0-9]+: *'")
if [ -z "$found" ]; then pass; else fail "floating point in SQL: $found"; fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
