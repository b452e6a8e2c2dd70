#!/usr/bin/env bash
# run.sh - checks attempt.pml exhaustively with spin, and that the model can fail: each broken variant must be found.
# usage: tests/model/run.sh [--long]      (--long: three attempts instead of two)
set -u
here=$(cd "$(dirname "$0")" && pwd)
command -v spin >/dev/null || { echo "model: spin is not installed (Debian package spin)"; exit 77; }
attempts=2
[ "${1:-}" = --long ] && attempts=3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
passed=0 failed=0

# explore NAME EXPECTED-ERRORS(0|some) COMPILER-FLAGS PAN-FLAGS SED-EXPRESSION...
explore() {
    local name=$1 expected=$2 cflags=$3 flags=$4
    shift 4
    sed -e "s/^#define ATTEMPTS .*/#define ATTEMPTS $attempts/" "$@" "$here/attempt.pml" >model.pml
    if [ $# -gt 0 ] && cmp -s model.pml <(sed -e "s/^#define ATTEMPTS .*/#define ATTEMPTS $attempts/" "$here/attempt.pml"); then
        echo "FAILED $name: the variant does not differ from the model"
        failed=$((failed + 1))
        return
    fi
    # shellcheck disable=SC2086
    if ! spin -a model.pml >spin.log 2>&1 || ! ${CC:-cc} -w -O2 $cflags -o pan pan.c; then
        cat spin.log
        echo "FAILED $name: the model does not compile"
        failed=$((failed + 1))
        return
    fi
    # shellcheck disable=SC2086
    ./pan -m1000000 $flags >pan.log 2>&1
    local errors states
    errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log)
    states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.log)
    if [ "$expected" = 0 ] && [ "$errors" = 0 ] && ! grep -q 'search not completed\|max search depth' pan.log; then
        echo "ok     $name: $states states, 0 errors"
        passed=$((passed + 1))
    elif [ "$expected" = some ] && [ "${errors:-0}" -gt 0 ]; then
        echo "ok     $name: found after $states states"
        passed=$((passed + 1))
    else
        echo "FAILED $name: errors: ${errors:-?}, expected: $expected"
        grep -m3 -E 'pan:|warning' pan.log
        failed=$((failed + 1))
    fi
}

safe='-DSAFETY -DNOCLAIM'
explore 'promises 1-3, 5, 6' 0 "$safe" ''
explore 'promise 4: whatever is open is settled' 0 '-DNFAIR=3' '-a -f'
explore 'broken on purpose: "pending" settles at once' some "$safe" '' -e 's/!saw_credited && was_aged/!saw_credited/'
explore 'broken on purpose: a time-out counts as rejected' some "$safe" '' -e 's/finish(id, unknown) }  /finish(id, rejected) }  /'
explore 'broken on purpose: the call is made twice' some "$safe" '' -e 's/to_bank!id }/to_bank!id; wire[id]++; assert(wire[id] <= 1) }/'
explore 'broken on purpose: nobody asks' some '-DNFAIR=3' '-a -f' -e 's/^        run Resolver();/        skip;/'
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
