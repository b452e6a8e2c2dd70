#!/bin/bash
# samples.sh - the web servers' samples do what they say: nobody names himself, every answer has the headers, and the
# callback's secret is in no log.
#
# Usage: samples.sh [SOURCES]     Last line: "N passed, N failed".  Exit status: 0 all passed, 77 no nginx here.
# nginx runs, with a copy of the sample, on two ports of this machine; Apache and lighttpd, where they are installed,
# only read theirs.
set -u
export LC_ALL=C
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
cd "${1:-${srcdir:-$(dirname "$0")/..}}" || exit 1
top=$PWD
PATH=$PATH:/usr/sbin

work=$(mktemp -d /tmp/otprefund-samples.XXXXXX) || exit 1
pids=()
leave() {
    [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null
    wait
    rm -rf "$work"
}
trap leave EXIT
# shellcheck source=tests/count.sh
. tests/count.sh
# shellcheck source=tests/lib.sh
. tests/lib.sh
secret=0123456789abcdef0123456789abcdef

# ---- what can be seen without a server --------------------------------------------------------------
# has FILE PATTERN WHAT
has() { if grep -qE -- "$2" "$1"; then pass; else fail "$1: $3"; fi; }
for server in nginx apache lighttpd; do
    sample=web/$server.conf.sample
    has $sample 'max-age=31536000; includeSubDomains' "HSTS holds for subdomains"
    for header in Content-Security-Policy X-Content-Type-Options Referrer-Policy Cross-Origin-Opener-Policy \
        Cross-Origin-Resource-Policy Cache-Control; do
        has $sample "$header" "no $header for the server's own answers"
    done
done
has web/apache.conf.sample "ErrorDocument 503 '\{.*\"status\":503" "no problem for Apache's own answers under /api/"
if grep -q '^[^#]*include fastcgi_params' web/nginx.conf.sample; then
    fail "nginx.conf.sample: fastcgi_params names \$remote_user, which a client claims"
else
    pass
fi

for need in nginx openssl curl python3; do
    command -v $need >/dev/null || { echo "samples: $need is not installed: the samples are not tried"; exit $((failed ? 1 : 77)); }
done
for name in server asha mallory; do
    subject=/CN=${name^}
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "$subject" -keyout "$work/$name.key" \
        -out "$work/$name.pem" >>"$work/openssl.out" 2>&1 || { fail "openssl" "$(tail -n 2 "$work/openssl.out")"; exit 1; }
done
cp "$work/server.pem" "$work/fullchain.pem"
cp "$work/server.key" "$work/privkey.pem"
cat "$work/asha.pem" "$work/mallory.pem" >"$work/people.pem"
printf 'asha:%s\n' "$(openssl passwd -apr1 letmein)" >"$work/htpasswd"
port=$(free_ports 28080 2) || { fail "no free ports"; exit 1; }
tls=$((port + 1))

# ---- Apache and lighttpd: they take theirs ----------------------------------------------------------
places() { # FILE: the sample with the places of this folder
    sed -e "s|/etc/ssl/refunds.example/|$work/|; s|/run/otprefund/fcgi.sock|$work/fcgi.sock|" \
        -e "s|/etc/[a-z0-9]*/otprefund.htpasswd|$work/htpasswd|; s|/usr/share/otprefund|$top/web|" "$1"
}
if command -v apache2 >/dev/null && [ -d /usr/lib/apache2/modules ]; then
    {
        echo "ServerRoot $work"
        echo "PidFile $work/apache.pid"
        echo "ErrorLog $work/apache.log"
        echo "Listen 127.0.0.1:$port"
        for module in mpm_event authn_core authz_core authz_host authz_user auth_basic authn_file alias headers env \
            setenvif ssl socache_shmcb reqtimeout proxy proxy_fcgi http2; do
            echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
        done
        places web/apache.conf.sample
    } >"$work/apache.conf"
    if told=$(APACHE_LOG_DIR=$work apache2 -t -f "$work/apache.conf" 2>&1); then pass; else fail "Apache" "$told"; fi
else
    echo "samples: Apache is not installed: it does not read its sample"
fi
if command -v lighttpd >/dev/null; then
    { echo "server.document-root = \"$work\""; places web/lighttpd.conf.sample; } >"$work/lighttpd.conf"
    if told=$(lighttpd -tt -f "$work/lighttpd.conf" 2>&1); then pass; else fail "lighttpd" "$told"; fi
else
    echo "samples: lighttpd is not installed: it does not read its sample"
fi

# ---- nginx ------------------------------------------------------------------------------------------
# start_nginx VARIANT: with $work/site.conf, as it was made for it.
start_nginx() {
    [ -e "$work/nginx.pid" ] && stop_nginx
    {
        [ "$(id -u)" != 0 ] || echo "user root;"
        echo "daemon off; pid $work/nginx.pid; error_log $work/error.log info; events { }"
        echo "http { include $work/mime.types; default_type text/plain; access_log $work/access.log;"
        for kind in client_body fastcgi proxy uwsgi scgi; do echo "${kind}_temp_path $work/$kind;"; done
        echo "include $work/site.conf; }"
    } >"$work/nginx.conf"
    echo "types { text/css css; }" >"$work/mime.types"
    if ! told=$(nginx -t -q -p "$work" -e "$work/error.log" -c "$work/nginx.conf" 2>&1); then
        fail "nginx -t, $1" "$told"
        return 1
    fi
    pass
    nginx -p "$work" -e "$work/error.log" -c "$work/nginx.conf" 2>"$work/nginx.out" &
    pids+=($!)
    for ((i = 0; i < 100; i++)); do
        port_taken "$tls" && [ -e "$work/nginx.pid" ] && return 0
        sleep 0.05
    done
    fail "nginx does not start, $1" "$(cat "$work/nginx.out")"
    return 1
}
stop_nginx() {
    local pid
    pid=$(cat "$work/nginx.pid")
    kill "$pid" 2>/dev/null
    while [ -e "$work/nginx.pid" ] || port_taken "$tls"; do sleep 0.05; done
}
site() { # the sample as it is, on the ports
    places web/nginx.conf.sample | sed -e '/listen \[::\]/d' -e "s/listen 80;/listen 127.0.0.1:$port;/" \
        -e "s/listen 443 /listen 127.0.0.1:$tls /"
}
ask() { curl -s -k -m 20 --path-as-is "$@"; }
desk=https://127.0.0.1:$tls

# says WHAT WANTED CURL-ARGUMENT...: whom the program is told; each of its variables comes once.
says() {
    local what=$1 wanted=$2 told
    shift 2
    told=$(ask "$@" | grep -E '^(REMOTE_USER|HTTP_AUTHORIZATION)=')
    if [ "$told" = "$wanted" ]; then pass; else fail "$what: not \"$wanted\"" "$told"; fi
}
# status_of URL ARGUMENT...: the status; the head goes to $work/head
status_of() { ask -o /dev/null -D "$work/head" -w '%{http_code}' "$@"; }
# headed WHAT STATUS CACHE ARGUMENT...: that status, and each header once.
headed() {
    local what=$1 status=$2 cache=$3 got line wrong=
    shift 3
    got=$(status_of "$@")
    [ "$got" = "$status" ] || wrong="status $got, not $status; "
    while IFS= read -r line; do
        [ "$(tr -d '\r' <"$work/head" | grep -ciE -- "^${line%%:*}:")" = 1 ] &&
            tr -d '\r' <"$work/head" | grep -qiE -- "^$line" || wrong+="$line; "
    done <<END
strict-transport-security: max-age=31536000; includeSubDomains$
content-security-policy: default-src 'none'; .*frame-ancestors 'none'
x-content-type-options: nosniff$
referrer-policy: no-referrer$
cross-origin-opener-policy: same-origin$
cross-origin-resource-policy: same-origin$
cache-control: $cache$
END
    if [ -z "$wrong" ]; then pass; else fail "$what: $wrong" "$(cat "$work/head")"; fi
}

# problem WHAT STATUS ARGUMENT...: as headed, and the body is a problem of that status (RFC 9457).
problem() {
    local what=$1 status=$2
    headed "$what" "$status" no-store "${@:3}"
    if grep -qiE '^content-type: application/problem\+json' "$work/head" && ask "${@:3}" | python3 -c '
import json, sys
p = json.load(sys.stdin)
sys.exit(not (p["status"] == int(sys.argv[1]) and p["title"] not in ("", "Error") and p["detail"]))' "$status" 2>"$work/json"; then
        pass
    else
        fail "$what: no problem of $status" "$(ask "${@:3}"; cat "$work/json")"
    fi
}

python3 tests/samples.py "$work/fcgi.sock" &
program=$!
pids+=($program)
for ((i = 0; i < 100; i++)); do [ -S "$work/fcgi.sock" ] && break; sleep 0.05; done
forged=(-H 'Remote-User: sunil' -H 'X-Remote-User: sunil' -H 'X-Forwarded-User: sunil')
nobody=$'REMOTE_USER=\nHTTP_AUTHORIZATION='

site >"$work/site.conf"
if start_nginx "by password"; then
    says "the password" $'REMOTE_USER=asha\nHTTP_AUTHORIZATION=' "${forged[@]}" -u asha:letmein "$desk/"
    says "the API" $'REMOTE_USER=\nHTTP_AUTHORIZATION=Bearer x' "${forged[@]}" -H 'Authorization: Bearer x' "$desk/api/v1/attempts"
    says "a login at the API" $'REMOTE_USER=\nHTTP_AUTHORIZATION=Basic YXNoYTp4' "${forged[@]}" -u asha:x "$desk/api/v1/attempts"
    says "a login at a probe" "$nobody" "${forged[@]}" -u asha:letmein "$desk/readyz"
    says "a login at the callback" "$nobody" "${forged[@]}" -u asha:letmein -d '{}' "$desk/callback/eko/$secret"
    headed "401" 401 no-store "$desk/"
    headed "a wrong password" 401 no-store -u asha:wrong "$desk/"
    head -c 100000 /dev/zero >"$work/large"
    headed "413" 413 no-store --data-binary "@$work/large" -u asha:letmein "$desk/refunds/1/otp"
    headed "405" 405 no-store -X TRACE "$desk/"
    long=$(printf '%09000d' 0)
    api=$desk/api/v1/attempts
    problem "413, API" 413 --data-binary "@$work/large" "$api"
    problem "405, API" 405 -X TRACE "$api"
    problem "414, API" 414 --http1.1 "$api?tid=$long"
    problem "400, API" 400 --http1.1 -H 'Host:' "$api"
    problem "400 for its header, API" 400 --http1.1 -H "X-Long: $long" "$api"
    for odd in /callback/eko/of-a-long-one /refunds/1; do
        headed "414 of $odd" 414 no-store --http1.1 "$desk$odd?x=$long"
        if grep -qi '^content-type: text/html' "$work/head"; then pass; else fail "414 of $odd is no page" "$(cat "$work/head")"; fi
    done
    if grep -q of-a-long-one "$work/access.log"; then fail "a long address of the callback is logged"; else pass; fi
    headed "the program's 404, API" 404 no-store "$desk/api/nothing"
    if grep -qi '^content-type: text/plain' "$work/head"; then pass; else fail "nginx's words for the program's" "$(cat "$work/head")"; fi
    headed "the program's 200" 200 no-store -u asha:letmein "$desk/"
    headed "the program's 404" 404 no-store -u asha:letmein "$desk/nothing"
    headed "the style sheet" 200 max-age=3600 "$desk/style.css"
    if grep -qi '^content-type: text/css' "$work/head"; then pass; else fail "style.css is no style sheet" "$(cat "$work/head")"; fi
fi

site | sed 's/fastcgi_read_timeout 60s/fastcgi_read_timeout 1s/' >"$work/site.conf"
if start_nginx "with less patience"; then problem "504, API" 504 "$desk/api/slow"; fi

# The lines that say how fast; the test is not patient.
site | sed -e 's/#limit_req/limit_req/; s/rate=10r/rate=1r/; s/burst=50/burst=3/' >"$work/site.conf"
if start_nginx "with a limit"; then
    for i in 1 2 3 4; do headed "$i within the limit" 200 no-store -u asha:letmein "$desk/"; done
    headed "more than the limit" 429 no-store -u asha:letmein "$desk/"
    headed "the API beside it" 404 no-store "$desk/api/nothing"
fi

# A map, and its lines in the place of those of a password: as the sample says.
map=$(sed -n 's/.*\(map $ssl_client_s_dn .*}\)$/\1/p' web/nginx.conf.sample)
{
    echo "$map"
    site | sed -e '/^ *auth_basic/d; /set $operator $remote_user;/d; s/#set $operator $login;/set $operator $login;/' \
        -e "s|^ *ssl_protocols.*|&\n    ssl_client_certificate $work/people.pem;\n    ssl_verify_client on;|"
} >"$work/site.conf"
if [ -n "$map" ] && start_nginx "by certificate"; then
    says "a certificate" $'REMOTE_USER=asha\nHTTP_AUTHORIZATION=' --cert "$work/asha.pem" --key "$work/asha.key" "$desk/"
    says "another's name beside a certificate" $'REMOTE_USER=asha\nHTTP_AUTHORIZATION=' "${forged[@]}" -u sunil:x \
        --cert "$work/asha.pem" --key "$work/asha.key" "$desk/"
    says "a name beside a certificate that is nobody's" "$nobody" "${forged[@]}" -u sunil:x \
        --cert "$work/mallory.pem" --key "$work/mallory.key" "$desk/"
    headed "no certificate" 400 no-store "$desk/"
else
    fail "nginx.conf.sample: no map of names to logins, or it does not start"
fi

site | sed -e '/^ *auth_basic/d; /set $operator $remote_user;/d; s/#auth_request/auth_request/' \
    -e 's|^    location /api/ {|    location = /oauth2/auth { internal; fastcgi_param ASKED auth; fastcgi_pass otprefund; }\n&|' >"$work/site.conf"
if start_nginx "by OpenID"; then
    says "OpenID" $'REMOTE_USER=asha\nHTTP_AUTHORIZATION=' -H 'Cookie: asha' "$desk/"
    says "another's name beside OpenID" $'REMOTE_USER=asha\nHTTP_AUTHORIZATION=' "${forged[@]}" -u sunil:x -H 'Cookie: asha' "$desk/"
    says "a name where OpenID knows nobody" "$nobody" "${forged[@]}" -u sunil:x "$desk/"
fi

# ---- the callback's secret, sent every odd way, also when the program is gone -------------------------
site >"$work/site.conf"
odd=(/callback/eko/ //callback/eko/ /./callback/eko/ /Callback/eko/ /CALLBACK/EKO/ /%63allback/eko/ /x/../callback/eko/
    /callback//eko/ /api/callback/eko/ /callback/eko/x)
if start_nginx "for the callback"; then
    for round in 1 2; do
        for path in "${odd[@]}"; do
            ask -o "$work/out" -d '{}' "$desk$path$secret"
            ask -o "$work/out" --data-binary "@$work/large" "$desk$path$secret"
            ask -o "$work/out" -d '{}' "http://127.0.0.1:$port$path$secret"
        done
        [ $round = 2 ] && break
        ask -o "$work/out" -u asha:letmein "$desk/nothing/of-a-secret"
        if grep -q "of-a-secret" "$work/access.log"; then pass; else fail "nothing is logged at all"; fi
        kill $program
        wait $program 2>/dev/null
    done
    headed "502" 502 no-store -u asha:letmein "$desk/"
    problem "502, API" 502 "$desk/api/v1/attempts"
    if ! grep -q upstream "$work/error.log"; then fail "the program's end is in no log"; else pass; fi
    if told=$(grep -h "$secret" "$work"/*.log); then fail "the callback's secret is logged" "$told"; else pass; fi
fi
[ ! -e "$work/nginx.pid" ] || stop_nginx

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
