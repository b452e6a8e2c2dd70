#!/bin/sh
# table.sh - makes table.pml, what attempt.pml includes, of transitions.tsv (or of the file named).
set -eu
awk -F'\t' '
    BEGIN {
        n = split("intent unknown refunded rejected not_sent not_refunded contradiction busy begun refused", word, " ")
        print "#define nothing 0"
        for (i = 1; i <= n; i++) { code[word[i]] = i; print "#define " word[i] " " i }
        print "#define answered 1\n#define inquired 2"
        how["answer"] = 1; how["inquiry"] = 2
    }
    function fail(text) { print "table.sh: line " FNR ": " text > "/dev/stderr"; bad = 1; exit 1 }
    # none | outcome[+late]/open | outcome[+late]/resolution/how
    function state(text,   part, word2, n) {
        if (text == "none") return 0
        n = split(text, part, "/")
        if (split(part[1], word2, "+") > 2 || !(word2[1] in code) || (word2[2] != "" && !(word2[2] in code))) fail(text)
        if (n == 2 && part[2] == "open") return code[word2[1]] + 8 * code[word2[2]]
        if (n != 3 || !(part[2] in code) || !(part[3] in how)) fail(text)
        return code[word2[1]] + 8 * code[word2[2]] + 64 * code[part[2]] + 512 * how[part[3]]
    }
    /^#/ || NF == 0 { next }
    NF != 4 { fail("not four columns") }
    {
        if (!($2 in event)) { event[$2] = ++events; print "#define " $2 " " events }
        act = $4 == "-" ? 0 : code[$4]
        if ($4 != "-" && !act) fail($4)
        rows = rows sprintf("    {%d, %d, %d, %d, \"%s %s -> %s %s\"},\n", state($1), event[$2], state($3), act, $1, $2, $3, $4)
    }
    END {
        if (bad) exit 1
        print "c_decl {"
        print "static struct { int before, event, after, act; const char *row; int taken; } steps[] = {"
        printf "%s};", rows
        print ""
        print "static int told_at_exit;"
        print "static void tell(void) {"
        print "    unsigned i;"
        print "    for (i = 0; i < sizeof steps / sizeof *steps; i++)"
        print "        if (!steps[i].taken) printf(\"never taken: %s\\n\", steps[i].row);"
        print "    printf(\"rows of the table: %u\\n\", (unsigned)(sizeof steps / sizeof *steps));"
        print "}"
        print "static int took(int before, int event, int after, int act) {"
        print "    unsigned i;"
        print "    if (!told_at_exit) { told_at_exit = 1; atexit(tell); }"
        print "    for (i = 0; i < sizeof steps / sizeof *steps; i++)"
        print "        if (steps[i].before == before && steps[i].event == event && steps[i].after == after && steps[i].act == act)"
        print "            return steps[i].taken = 1;"
        print "    printf(\"not in the table: state %d, event %d, state %d, action %d\\n\", before, event, after, act);"
        print "    return getenv(\"MODEL_LEARN\") != 0;"
        print "}"
        print "}"
    }' "${1:-$(dirname "$0")/transitions.tsv}"
