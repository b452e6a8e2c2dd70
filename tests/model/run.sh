#!/usr/bin/env bash
# run.sh - checks attempt.pml exhaustively with spin: the promises, that every step is a row of transitions.tsv and
# every row a step, and that the model can fail: each broken variant must be found.
# usage: tests/model/run.sh [--long]      (--long: all processes together; some gigabytes and minutes)
set -u
here=$(cd "$(dirname "$0")" && pwd)
command -v spin >/dev/null || { echo "model: spin is not installed (Debian package spin)"; exit 77; }
long=
[ "${1:-}" = --long ] && long=yes
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
passed=0 failed=0
pass() { passed=$((passed + 1)); echo "ok     $1"; }
fail() { failed=$((failed + 1)); echo "FAILED $1"; }

# made EXPRESSION...: model.pml, without what they take away; false if one of them changes nothing.
made() {
    local expression
    cp "$here/attempt.pml" model.pml || return 1
    for expression in "$@"; do
        cp model.pml before.pml
        sed -i -e "$expression" model.pml
        ! cmp -s model.pml before.pml || return 1
    done
}

# explore NAME EXPECTED(0|some) COMPILER-FLAGS PAN-FLAGS SED-EXPRESSION...
# The steps are those of table.tsv; the rows that were not taken are left in untaken.
explore() {
    local name=$1 expected=$2 cflags=$3 flags=$4 errors states
    shift 4
    if ! made "$@"; then
        fail "$name: the variant does not differ from the model"
        return
    fi
    # shellcheck disable=SC2086
    if ! sh "$here/table.sh" table.tsv >table.pml || ! spin -a model.pml >spin.log 2>&1 ||
        ! ${CC:-cc} -w -O2 $cflags -o pan pan.c; then
        cat spin.log
        fail "$name: the model does not compile"
        return
    fi
    # shellcheck disable=SC2086
    ./pan -m1000000 $flags >pan.log 2>&1
    errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log)
    states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.log)
    sed -n 's/^never taken: //p' pan.log | sort >untaken
    if [ "$expected" = 0 ] && [ "$errors" = 0 ] && ! grep -q 'search not completed\|max search depth' pan.log; then
        pass "$name: $states states, 0 errors"
    elif [ "$expected" = some ] && [ "${errors:-0}" -gt 0 ]; then
        pass "$name: found after $states states"
    else
        fail "$name: errors: ${errors:-?}, expected: $expected"
        grep -m3 -E 'pan:|warning|not in the table' pan.log
    fi
}

# all_taken NAME FILE...: each row of the table was taken in one of the explorations, each of which left a FILE.
all_taken() {
    local name=$1 rows
    shift
    rows=$(grep -c '^[^#]' table.tsv)
    sort "$@" | uniq -c | awk -v all=$# '$1 == all { $1 = ""; print }' >never
    if [ ! -s never ] && [ "$rows" -gt 0 ]; then
        pass "$name: $rows rows"
    else
        fail "$name: never taken:"
        head -n 5 never
    fi
}

cp "$here/transitions.tsv" table.tsv
safe='-DSAFETY -DNOCLAIM'
elsewhere='s/^        run Elsewhere();/        skip;/'
asker='s/^        run Asker();/        skip;/'
proven='/told(id, inquiry_unproven)/d'
one_desk='0,/^        run Desk();/s//        skip;/'

explore 'promises 1-3, 5, 6 with two desks, two resolvers' 0 "$safe" '' "$elsewhere"
cp untaken untaken.two
explore 'promises 1-3, 5, 6 with one desk, two resolvers, refunds elsewhere' 0 "$safe" '' "$one_desk"
cp untaken untaken.one
all_taken 'every row of transitions.tsv is a step of the model' untaken.two untaken.one
live=$one_desk
[ -z "$long" ] || live=
[ -z "$long" ] || explore 'promises 1-3, 5, 6 with all of them' 0 "$safe -DCOLLAPSE" ''
explore 'promise 4: whatever is open is settled' 0 '-DNFAIR=3' '-a -f' "$elsewhere" "$asker" "$proven" ${live:+"$live"}

explore 'broken on purpose: "pending" settles at once' some "$safe" '' "$elsewhere" "$one_desk" 's/!saw_credited && was_aged ->/!saw_credited ->/'
explore 'broken on purpose: "pending" settles what is on the wire' some "$safe" '' "$elsewhere" "$one_desk" 's/aged.id. && !AWAITED(id)/aged[id]/'
explore 'broken on purpose: a time-out counts as rejected' some "$safe" '' "$elsewhere" "$one_desk" \
    's/finish(id, unknown, answer_unknown) }/finish(id, rejected, answer_rejected) }/'
explore 'broken on purpose: the call is made twice' some "$safe" '' 's/to_bank!id }/to_bank!id; wire[id]++; assert(wire[id] <= 1) }/'
explore 'broken on purpose: nobody asks' some '-DNFAIR=3' '-a -f' 's/^        run Resolver();/        skip;/'
explore 'broken on purpose: a contradiction is not recorded' some "$safe" '' "$elsewhere" 's/-> act = contradiction; doubt.id. = true$/-> skip/'
sed '/^unknown\/open\tinquiry_refunded\t/d' "$here/transitions.tsv" >table.tsv
explore 'broken on purpose: a row is missing' some "$safe" '' "$elsewhere"
printf 'unknown/open\tanswer_unknown\tunknown/not_refunded/answer\t-\n' | cat "$here/transitions.tsv" - >table.tsv
explore 'a row too many' 0 "$safe" '' "$one_desk"
if [ "$(comm -13 untaken.one untaken | wc -l)" = 1 ]; then
    pass 'broken on purpose: a row too many: found'
else
    fail 'broken on purpose: a row too many is not found'
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
