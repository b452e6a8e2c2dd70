#!/bin/bash
# docs.sh - two copies of a fact agree: the table of settings, its man page and the samples; the commands and the
# library's functions and their man pages; the version and NEWS.
#
# Usage: docs.sh [SOURCES]     Last line: "N passed, N failed".  Exit status: 0 all passed.
# Where ./fcgi/otprefund.fcgi is built, it must take both samples and print the settings of the table.
set -u
export LC_ALL=C
build=$PWD
cd "${1:-${srcdir:-$(dirname "$0")/..}}" || exit 1

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/count.sh
. tests/count.sh
# same NAME FILE FILE: the first is what is wanted.
same() {
    local other
    if [ ! -s "$2" ]; then fail "$1: there is nothing to compare"
    elif other=$(diff "$2" "$3"); then pass
    else fail "$1" "$other"; fi
}

# ---- the table of settings: section, name, what it takes, default, one a line -----------------
awk -F'[(,)]' '
    function text(n) { gsub(/^ +| +$/, "", $n); gsub(/"/, "", $n); return $n }
    function put(rule, preset) { print text(2) "\t" text(3) "\t" rule "\t" preset }
    /^static const struct settings_row rows/ { inside = 1; next }
    /^};/ { inside = 0 }
    !inside || !/^    [A-Z_]+\(/ { next }
    { kind = text(1) }
    kind == "INT" { put("A number from " text(4) " to " text(5) " " text(7) ", default " text(6) ".", text(6)); next }
    kind == "BOOL" { put("Yes or no, default " text(4) ".", text(4)); next }
    kind == "CHOICE" { words = text(5); gsub(/\|/, ", ", words)
                       put("One of " words ", default " text(4) ".", text(4)); next }
    kind == "TEXT" { put("A text of at most " text(4) " bytes, default " text(5) ".", text(5)); next }
    kind == "NEED_TEXT" || kind == "NEED_SECRET" { put("A text of at most " text(4) " bytes, required.", "REQUIRED"); next }
    kind == "PATH" && text(4) == "OTPREFUND_DATADIR" { put("A path, default the installed folder.", "ANY"); next }
    kind == "PATH" { put("A path, default " (text(4) == "" ? "none" : text(4)) ".", text(4)); next }
    kind == "NEED_PATH" { put("A path, required.", "REQUIRED"); next }
    { put("unknown kind of row: " kind, "") }' fcgi/settings.c >"$work/table"
rows=$(awk '/^static const struct settings_row rows/ { n = 0; inside = 1; next } /^};/ { inside = 0 }
    inside && /^    [A-Z]/ { n++ } END { print n }' fcgi/settings.c)
if [ "$rows" -gt 0 ] && [ "$(wc -l <"$work/table")" = "$rows" ] && ! grep -q 'unknown kind' "$work/table"; then
    pass
else
    fail "the table in fcgi/settings.c can be read" "$(grep 'unknown kind' "$work/table"; echo "$rows rows")"
fi
cut -f1-3 "$work/table" >"$work/rules"
cut -f1,2 "$work/table" >"$work/names"

# ---- its man page -----------------------------------------------------------------------------
awk '/^\.Ss \[/ { section = substr($2, 2, length($2) - 2) }
     /^\.Sh/ { section = "" }
     section != "" && /^\.It Ic / { name = $3; getline; print section "\t" name "\t" $0 }' \
    doc/otprefund.conf.5 >"$work/man"
same "otprefund.conf(5) has the settings of the table, in its order, with what they take" "$work/rules" "$work/man"

# ---- the samples ------------------------------------------------------------------------------
# section, name, the remark above it, "set" or "preset", value
settings_of() {
    awk '/^\[/ { section = substr($1, 2, length($1) - 2); next }
         /^#?[a-z0-9_]+ *=/ { line = $0; sub(/^#/, "", line); value = line; sub(/^[a-z0-9_]+ = ?/, "", value)
                          name = line; sub(/ *=.*/, "", name); sub(/^# /, "", above)
                          print section "\t" name "\t" above "\t" (/^#/ ? "preset" : "set") "\t" value }
         { above = $0 }' "$1"
}
settings_of web/otprefund.conf.sample >"$work/sample"
cut -f1-3 "$work/sample" >"$work/sample-rules"
same "otprefund.conf.sample has the settings of the table, in its order, with what they take" "$work/rules" "$work/sample-rules"
wrong=$(paste "$work/table" "$work/sample" | awk -F'\t' '
    $4 == "REQUIRED" && $8 != "set" { print "[" $1 "] " $2 " is required, but is a remark" }
    $4 == "REQUIRED" || $4 == "ANY" || $8 == "set" { next }
    $9 != $4 { print "[" $1 "] " $2 " = " $9 " is shown as the default, which is " $4 }')
if [ -z "$wrong" ]; then pass; else fail "otprefund.conf.sample shows the defaults" "$wrong"; fi

settings_of web/otprefund-minimal.conf | cut -f1,2 | sort >"$work/minimal"
wrong=$(awk -F'\t' '$4 == "REQUIRED" { print $1 "\t" $2 }' "$work/table" | sort | comm -23 - "$work/minimal"
    sort "$work/names" | comm -13 - "$work/minimal")
if [ -z "$wrong" ]; then pass; else fail "otprefund-minimal.conf: missing or unknown" "$wrong"; fi

program=$build/fcgi/otprefund.fcgi
if [ -x "$program" ]; then
    for file in web/otprefund.conf.sample web/otprefund-minimal.conf; do
        if told=$("$program" -n -c "$file" 2>&1); then
            printf '%s\n' "$told" | awk '/^\[/ { section = substr($1, 2, length($1) - 2); next }
                /^[a-z0-9_]+ =/ { print section "\t" $1 }' >"$work/printed"
            same "otprefund.fcgi -n -c $file prints the settings of the table" "$work/names" "$work/printed"
        else
            fail "otprefund.fcgi -n takes $file" "$told"
        fi
    done
else
    echo "docs: otprefund.fcgi is not built here: the samples are not tried with it"
fi

# ---- the commands and their man page ----------------------------------------------------------
awk '/^static const struct ctl_command commands/ { inside = 1 } /^};/ { inside = 0 }
     inside && /^    \{"/ { split($0, part, "\""); print part[2] }' ctl/main.c | sort -u >"$work/commands"
awk '/^The commands are:/ { inside = 1 } /^\.Sh/ { inside = 0 }
     inside && (/^\.Ic [a-z]/ || /^\.It Ic [a-z]/) { print $1 == ".It" ? $3 : $2 }' \
    doc/otprefundctl.8 | sort -u >"$work/man-commands"
same "otprefundctl(8) has the commands of ctl/main.c" "$work/commands" "$work/man-commands"
wrong=$(grep -ohE -- '--[a-z][a-z-]+' ctl/main.c | sort -u | sed 's/^--//' | while read -r option; do
    grep -qE -- "Fl -$option( |\$)" doc/otprefundctl.8 || echo "--$option"
done)
if [ -z "$wrong" ]; then pass; else fail "otprefundctl(8) has the options that --help tells" "$wrong"; fi

# ---- the library's functions and their man page -----------------------------------------------
{ grep -ohE '\botr_[a-z_]+\(' core/otprefund.h; echo 'otr_table_free('; } | tr -d '(' | sort -u >"$work/functions"
awk '/^\.Sh/ { inside = $2 == "SYNOPSIS" } inside && /^\.F[no] / { print $2 }' doc/libotprefund.3 | sort -u >"$work/man-functions"
same "libotprefund(3) has the functions of otprefund.h" "$work/functions" "$work/man-functions"

# ---- every page is well formed ----------------------------------------------------------------
if command -v mandoc >/dev/null; then
    for page in doc/*.[1-9]; do
        if told=$(mandoc -Tlint -W warning "$page" 2>&1); then pass; else fail "$page" "$told"; fi
    done
else
    echo "docs: mandoc is not installed (Debian package mandoc): the pages are not linted"
fi

# ---- the review: every test that SECURITY.md names is there, and so is every other file ----------
wrong=$(grep -oE '`(tests|fcgi|core|sql|ctl|web|doc)/[^` ]+`( "[^"]+")*' SECURITY.md | grep -v 'tests/[a-z/_]*X[.]' |
    while IFS= read -r claim; do
        file=${claim#?}
        file=${file%%\`*}
        [ -e "$file" ] || { echo "there is no $file"; continue; }
        printf '%s\n' "$claim" | grep -oE '"[^"]+"' | tr -d '"' | while IFS= read -r name; do
            grep -qE -- "(\"|void )$name(\"|\()" "$file" || echo "$file has no test \"$name\""
        done
    done)
named=$(grep -oE '`tests/[^` ]+` "[^"]+"' SECURITY.md | wc -l)
if [ -z "$wrong" ] && [ "$named" -gt 50 ]; then
    pass
else
    fail "SECURITY.md names what is not there, or too little ($named tests)" "$wrong"
fi

# ---- the version ------------------------------------------------------------------------------
version=$(sed -n 's/^AC_INIT(\[otprefund\], *\[\([^]]*\)\].*/\1/p' configure.ac)
newest=$(grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?' NEWS 2>/dev/null | head -n 1)
if [ -n "$version" ] && [ "$version" = "$newest" ]; then
    pass
else
    fail "configure.ac has version ${version:-none}, the newest entry of NEWS is ${newest:-missing}"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
