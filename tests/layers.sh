#!/bin/bash
# layers.sh - holds the house together: calls go fcgi -> core -> sql, each library has one door, the lower rooms
# never print, dangerous functions stay out, and every source file is built and shipped.
#
# Usage: layers.sh [SOURCES]     Last line: "N passed, N failed".  Exit status: 0 all passed.
set -u
shopt -s nullglob
export LC_ALL=C
cd "${1:-${srcdir:-$(dirname "$0")/..}}" || exit 1

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# Sources without comments and without what stands between quotes, line by line; the names of includes stay.
for file in {sql,core,fcgi,ctl}/*.[ch] tests/*/*.[ch]; do
    [ -e "$file" ] || continue
    mkdir -p "$work/${file%/*}"
    awk '
        { out = ""; n = length($0)
          if (!comment && $0 ~ /^[ \t]*#[ \t]*include/) { print; next }
          for (i = 1; i <= n; i++) {
              two = substr($0, i, 2); c = substr($0, i, 1)
              if (comment) { if (two == "*/") { comment = 0; i++ } continue }
              if (quote != "") { if (c == "\\") i++; else if (c == quote) { quote = ""; out = out c } continue }
              if (two == "/*") { comment = 1; i++; continue }
              if (two == "//") break
              if (c == "\"" || c == "\047") quote = c
              out = out c
          }
          quote = ""; print out }' "$file" >"$work/$file"
done
cd "$work" || exit 1

# none NAME PATTERN FILE...: no file may hold a line that matches (an extended regular expression).
none() {
    local name=$1 pattern=$2 found
    shift 2
    if [ $# = 0 ]; then
        echo "FAILED: $name: there is no file to look at"
        failed=$((failed + 1))
    elif found=$(grep -nE -- "$pattern" "$@" /dev/null); then
        echo "FAILED: $name"
        printf '%s\n' "$found" | sed 's/^/    /'
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
}

# all_but PATTERN FILE...: the files whose names do not match.
all_but() {
    local pattern=$1
    shift
    printf '%s\n' "$@" | grep -vE -- "^($pattern)\$"
}

include='^[ \t]*#[ \t]*include[ \t]*'
house=({sql,core,fcgi,ctl}/*.[ch])
lower=({sql,core}/*.[ch])

# ---- calls go one way -----------------------------------------------------------------------
none "sql/ knows only itself" "$include\"(core|fcgi|ctl|tests|web)/" sql/*.[ch]
none "core/ knows sql/ and itself" "$include\"(fcgi|ctl|tests|web)/" core/*.[ch]
none "fcgi/ knows core/, words and clock of sql/, and itself" "$include\"(sql/([^rc]|check)|ctl|tests|web)" fcgi/*.[ch]
none "ctl/ knows no tests" "$include\"(tests|web)/" ctl/*.[ch]
none "includes are named from the top" "$include\"[^/\"]*\"" $(all_but 'core/otprefund\.h' "${house[@]}")
none "the installed headers include nothing that is not installed" "$include\"" sql/record.h \
    <(grep -v '"record.h"' core/otprefund.h)

# ---- one door for each library --------------------------------------------------------------
door() {
    local library=$1 header=$2 doors=$3
    none "$library only in $4" "$include[<\"]($header)" $(all_but "$doors" "${house[@]}")
}
door libpq 'libpq|postgres_ext|pg_config' 'sql/.*' 'sql/'
door libcurl 'curl/' 'core/http(_call)?\.[ch]' 'core/http.c and http_call.c'
door OpenSSL 'openssl/' 'core/(sign|secret)\.c' 'core/sign.c and core/secret.c'
door cJSON '(cjson/)?cJSON' 'core/answer_json\.c|fcgi/api\.c' 'core/answer_json.c and fcgi/api.c'
door libfcgi 'fcgiapp|fcgi_stdio|fcgi_config|fcgios' 'fcgi/serve\.c' 'fcgi/serve.c'
door inih 'ini\.h' 'fcgi/settings\.c' 'fcgi/settings.c'
door libseccomp 'seccomp\.h' 'fcgi/sandbox\.c' 'fcgi/sandbox.c'
door libmicrohttpd 'microhttpd' 'nothing' 'tests/bank'
door CUnit 'CUnit/' 'nothing' 'tests/'

# ---- the lower rooms return, they never print, and never end the process -----------------------
none "sql/ and core/ never print or log" \
    '\b(v?f?printf|v?dprintf|f?puts|f?putc|putchar|fwrite|perror|syslog|vsyslog|warnx?|errx?|psignal)[ ]*\(|\b(stderr|stdout)\b' "${lower[@]}"
none "sql/ and core/ never end the process" '\b(exit|_exit|_Exit|quick_exit|abort|assert)[ ]*\(' "${lower[@]}"

# ---- functions nobody should need --------------------------------------------------------------
none "no function that writes without a bound" \
    '\b(strcpy|strcat|stpcpy|wcscpy|strncpy|strncat|v?sprintf|gets)[ ]*\(' "${house[@]}" tests/*/*.[ch]
none "no function that reads numbers without telling errors" '\b(scanf|atoi|atol|atoll|atof)[ ]*\(' "${house[@]}"
none "no function with hidden state, a shell, or a guessable name" \
    '\b(strtok|localtime|gmtime|ctime|asctime|strerror_l|rand|srand|random|drand48|tmpnam|tempnam|mktemp|system|popen|alloca|setjmp|longjmp)[ ]*\(' \
    "${house[@]}"

# ---- every source file is built and shipped ----------------------------------------------------
cd "$OLDPWD" || exit 1
lost=
for file in {sql,core,fcgi,ctl,tests/bank,tests/unit,tests/integration,tests/bench,tests/fuzz}/*.[ch] sql/*.sql sql/reports/*.sql \
    web/templates/* web/* doc/*.[0-9]* tests/*.sh tests/*/*.sh tests/cases/* tests/fuzz/corpus/*; do
    case $file in */Makefile.inc | *.service | *.socket) continue ;; esac
    [ ! -f "$file" ] || grep -qwF -e "$file" -e "${file%.c}" {sql,core,fcgi,ctl,web,doc,tests,tests/bank}/Makefile.inc ||
        lost="$lost $file"
done
if [ -z "$lost" ]; then
    passed=$((passed + 1))
else
    echo "FAILED: in no Makefile.inc:$lost"
    failed=$((failed + 1))
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
