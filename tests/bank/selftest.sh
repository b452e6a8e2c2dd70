#!/bin/bash
# selftest.sh - checks the simulated bank from outside, with curl and openssl: every row of the TID
# table in v3 and v2, the door, the control port, faults, callback, TLS, start and stop.
#
# Usage: selftest.sh [PATH-OF-BANK]     (or BANK=PATH; default: tests/bank/bank under here)
# Last line: "N passed, N failed".  Exit status: 0 all passed, 1 not, 77 curl or openssl is missing.

set -u
export LC_ALL=C
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy

bank=${1:-${BANK:-}}
if [ -z "$bank" ]; then
    for bank in ./tests/bank/bank "$(dirname "$0")/bank"; do
        [ -x "$bank" ] && break
    done
fi
for program in curl openssl "$bank"; do
    command -v "$program" >/dev/null || { echo "selftest: $program is missing"; exit 77; }
done

dir=$(mktemp -d) || exit 1
passed=0 failed=0 bank_pid= helper_pids=
finish() {
    for pid in $bank_pid $helper_pids; do kill "$pid" 2>/dev/null; done
    wait 2>/dev/null
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' INT TERM

pass() { passed=$((passed + 1)); [ -z "${VERBOSE:-}" ] || echo "ok: $1"; }
fail() { failed=$((failed + 1)); echo "FAILED: $1${2:+ -- $2}"; }
is() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "expected '$3', got '$2'"; fi; }
has() { case $2 in *"$3"*) pass "$1" ;; *) fail "$1" "no '$3' in '$2'" ;; esac; }
hasnt() { case $2 in *"$3"*) fail "$1" "'$3' in '$2'" ;; *) pass "$1" ;; esac; }

# --- the bank -----------------------------------------------------------------------------------
developer_key=fake-developer-key-1234
access_key=TEST_ACCESS_KEY_DO_NOT_USE
printf '%s\n' "$developer_key" >"$dir/developer.key"
printf '%s\n' "$access_key" >"$dir/access.key"

# start_bank DIR OPTION...: sets bank_pid, port, control_port
start_bank() {
    local where=$1 i
    shift
    mkdir -p "$where"
    "$bank" --port 0 --control-port 0 --dir "$where" --developer-key-file "$dir/developer.key" \
        --access-key-file "$dir/access.key" "$@" >"$where/out" 2>"$where/err" &
    bank_pid=$!
    for i in $(seq 100); do
        [ -s "$where/bank.ready" ] && break
        kill -0 "$bank_pid" 2>/dev/null || break
        sleep 0.1
    done
    if [ ! -s "$where/bank.ready" ]; then
        echo "selftest: the bank does not start: $(cat "$where/err")"
        echo "$passed passed, $((failed + 1)) failed"
        exit 1
    fi
    . "$where/bank.ready"
    control=http://127.0.0.1:$control_port
}

# Ends the bank; sets stop_status and stop_ms.
stop_bank() {
    local t0 t1
    t0=$(date +%s%3N)
    kill -TERM "$bank_pid"
    wait "$bank_pid"
    stop_status=$?
    t1=$(date +%s%3N)
    stop_ms=$((t1 - t0))
    bank_pid=
}

sign() {
    printf %s "$1" | openssl dgst -sha256 -binary -hmac "$(printf %s "$access_key" | base64 -w0)" |
        base64 -w0
}

# --- calls --------------------------------------------------------------------------------------
user=20110001
use_clock() {
    timestamp=$1
    secret=$(sign "$timestamp")
}
now_ms() { date +%s%3N; }

# request METHOD URL [CURL-ARGUMENT]...: sets http, body, curl_status
request() {
    local method=$1 url=$2
    shift 2
    http=$(curl -s -o "$dir/body" -w '%{http_code}' --max-time "${limit:-5}" --cacert "$dir/b/ca.pem" \
        -X "$method" -H "developer_key: $developer_key" -H "secret-key: $secret" \
        -H "secret-key-timestamp: $timestamp" "$@" "$url" 2>/dev/null)
    curl_status=$?
    body=
    [ -f "$dir/body" ] && body=$(tr -d '\0' <"$dir/body")
    rm -f "$dir/body"
}
json() { request POST "$base/v3$1" -H 'content-type: application/json' --data-binary "$2"; }
form() {
    request POST "$base/v2$1" -H 'content-type: application/x-www-form-urlencoded' \
        --data-binary "$2"
}
get_otp() { # TID
    ref=
    if [ "$gen" = v3 ]; then
        json "/customer/payment/refund/$1/otp" '{"initiator_id":"9000000001"}'
        ref=$(printf %s "$body" | sed -n 's/.*"otp_ref_id":"\([^"]*\)".*/\1/p')
    else
        form "/transactions/$1/refund/otp" initiator_id=9000000001
    fi
}
json_otp() { case $1 in 0*) printf '"%s"' "$1" ;; *) printf %s "$1" ;; esac; }
refund() { # TID OTP
    if [ "$gen" = v3 ]; then
        json "/customer/payment/refund/$1" "{\"initiator_id\":9000000001,\"user_code\":\"$user\",\
\"otp\":$(json_otp "$2"),\"state\":1,\"service_code\":\"80\",\"otp_ref_id\":\"$ref\"}"
    else
        form "/transactions/$1/refund" "initiator_id=9000000001&user_code=$user&otp=$2&state=1"
    fi
}
inquire() { # TID or client_ref_id:REF
    local path=/transactions/$1
    [ "$gen" = v3 ] && path=/tools/reference/transaction/$1
    request GET "$base/$gen$path?initiator_id=9000000001&user_code=$user"
}
phone() { curl -s --max-time 5 "$control/phone/$1" | sed -n 's/.*"otp":"\([0-9]*\)".*/\1/p'; }
set_control() { curl -s --max-time 5 -d "$2" "$control/$1"; }
wrong() { case $1 in 111111) echo 222222 ;; *) echo 111111 ;; esac; }
status_of() { printf %s "$body" | sed -n 's/.*"tx_status":"\{0,1\}\([0-9]*\).*/\1/p'; }
credited_of() { printf %s "$line" | sed -n 's/.*"credited":\([0-9]*\).*/\1/p'; }

# book TID TX_STATUS OTP_CALLS OTP_SENT INITIATE_CALLS EXECUTED: the bank's truth
book() {
    line=$(curl -s --max-time 5 "$control/book?tid=$1")
    local got want
    got=$(printf %s "$line" | sed 's/"credited":[0-9]*,//; s/,"inquiry_calls":[0-9]*//')
    want="{\"tid\":\"$1\",\"tx_status\":$2,\"otp_calls\":$3,\"otp_sent\":$4,\"initiate_calls\":$5,\
\"initiate_executed\":$6}"
    is "$gen $1: book" "$got" "$want"
    if [ "$6" = 0 ]; then
        is "$gen $1: nothing credited" "$(credited_of)" 0
    elif [ "$(credited_of)" -ge 10000 ] && [ "$(credited_of)" -le 505000 ]; then
        pass "$gen $1: credited"
    else
        fail "$gen $1: credited" "$line"
    fi
}
inquiry_is() { # TID STATUS
    inquire "$1"
    is "$gen $1: inquiry is answered" "$http" 200
    is "$gen $1: inquiry says $2" "$(status_of)" "$2"
}
# have_otp TID: asks for an OTP and reads it from the phone
have_otp() {
    get_otp "$1"
    otp=$(phone "$1")
    is "$gen $1: an OTP of six digits" "$(printf %s "$otp" | tr 0-9 d)" dddddd
}
# refund_with_otp TID: the ordinary way up to the answer
refund_with_otp() {
    have_otp "$1"
    refund "$1" "$otp"
}

# --- rows ---------------------------------------------------------------------------------------
# 10-digit TIDs: prefix + last two digits; v2 and v3 have their own.
ordinary() {
    local even=${p}00 odd=${p}01
    inquiry_is "$even" 3
    have_otp "$even"
    [ "$gen" = v3 ] && has "v3 O1" "$body" '"response_type_id":2133,"message":"Send OTP","status":2133'
    [ "$gen" = v2 ] && has "v2 O3" "$body" 'sent to customers mobile {2} {3}","data":{"tid":"'"$even"'"'
    refund "$even" "$(wrong "$otp")"
    has "$gen $even: R3" "$body" '"invalid_params":{"otp":"Please enter a valid OTP"},"message":"Wrong TID or OTP {2} {3}"'
    book "$even" 3 1 1 1 0
    refund "$even" "$otp"
    is "$gen $even: R1 HTTP" "$http" 200
    has "$gen $even: R1" "$body" '"message":"Refund done","status":0}'
    book "$even" 4 1 1 2 1
    local rupees=$(printf %s "$body" | sed -n 's/.*"refunded_amount":"\([0-9.]*\)".*/\1/p')
    is "$gen $even: R1 says what was credited" "${rupees/./}" "$(credited_of)"
    refund "$even" "$otp"
    has "$gen $even: again" "$body" 'Transaction is already in refunded state.'
    get_otp "$even"
    has "$gen $even: O6" "$body" '"status":1,"response_status_id":-1,"message":"Transaction is already in refunded state.","data":{}'
    book "$even" 4 2 1 3 1
    inquiry_is "$even" 4
    inquire "client_ref_id:REF$even"
    has "$gen $even: by own reference" "$body" "$even"
    inquire "client_ref_id:NOSUCH"
    has "$gen: unknown reference" "$body" 168
    have_otp "$odd"
    refund "$odd" "$(wrong "$otp")"
    has "$gen $odd: R4" "$body" '"status":1,"response_status_id":302,"message":"Wrong OTP.'
    set_control clock '{"advance_s":601}' >/dev/null
    refund "$odd" "$otp"
    has "$gen $odd: R5" "$body" '"status":303,"response_status_id":1,"message":"OTP expired"'
    book "$odd" 3 1 1 2 0
    refund_with_otp "$odd"
    has "$gen $odd: a new OTP is good" "$body" '"message":"Refund done"'
    book "$odd" 4 2 2 3 1
}
other_shapes() {
    local p2=$((p + 107)) i
    have_otp "${p2}02"
    [ "$gen" = v3 ] && has "v3 O2" "$body" '"message":"OTP sent successfully.","response_type_id":1388,"data":{"otp_ref_id":"OTP_REF_'
    refund "${p2}02" "$otp"
    has "$gen R2" "$body" '"message":"Refund initiated successfully.","tx_status":"4","txstatus_desc":"Refunded","data":{"tid":'"${p2}02"',"tx_status":"4"'
    book "${p2}02" 4 1 1 1 1
    for i in 0 1 2 3; do
        inquiry_is "$((p + 10 * i))03" 3
    done
}
rows_otp() {
    get_otp "${p}80"
    has "$gen 80: O4" "$body" '{2} {3}","data":{"tid":"","otp_ref_id":""}}'
    is "$gen 80: nothing texted" "$(phone "${p}80")" ""
    refund "${p}80" 123456
    has "$gen 80: no OTP is right" "$body" 'Wrong TID or OTP'
    book "${p}80" 3 1 0 1 0
    get_otp "${p}81"
    has "$gen 81: O5" "$body" '"status":0,"invalid_params":{"tid":"Invalid_tid_Format {2} {3}"}'
    is "$gen 81: nothing texted" "$(phone "${p}81")" ""
    book "${p}81" 3 1 0 0 0
    get_otp 123
    has "$gen: a TID of 3 digits" "$body" Invalid_tid_Format
}
rows_unanswered() {
    local row
    for row in 82 83; do
        limit=0.4 refund_with_otp "$p$row"
        is "$gen $row: no answer" "$curl_status" 28
    done
    book "${p}82" 4 1 1 1 1
    inquiry_is "${p}82" 4
    book "${p}83" 3 1 1 1 0
    inquiry_is "${p}83" 3
    refund_with_otp "${p}86"
    is "$gen 86: 502" "$http" 502
    has "$gen 86: HTML" "$body" '<html>'
    book "${p}86" 4 1 1 1 1
    refund_with_otp "${p}87"
    is "$gen 87: 502" "$http" 502
    book "${p}87" 3 1 1 1 0
    refund_with_otp "${p}88"
    is "$gen 88: no HTTP status" "$http" 000
    case $curl_status in
    35 | 52 | 55 | 56) pass "$gen 88: reset" ;;
    *) fail "$gen 88: reset" "curl says $curl_status" ;;
    esac
    book "${p}88" 4 1 1 1 1
    refund_with_otp "${p}89"
    is "$gen 89: cut short" "$curl_status" 18
    has "$gen 89: began" "$body" '{"response_status_id":0,"data":{"refund_tid":"'
    hasnt "$gen 89: did not end" "$body" 'Refund done'
    book "${p}89" 4 1 1 1 1
}
rows_veiled() {
    local i
    refund_with_otp "${p}84"
    has "$gen 84: R7" "$body" '"data":{"tx_status":"2","txstatus_desc":"Initiated"}}'
    for i in 1 2 3; do inquiry_is "${p}84" 2; done
    inquiry_is "${p}84" 4
    book "${p}84" 4 1 1 1 1
    refund_with_otp "${p}85"
    has "$gen 85: R8" "$body" '"data":{"tx_status":"6"},"message":"Response Awaited"'
    for i in 1 2 3; do inquiry_is "${p}85" 6; done
    inquiry_is "${p}85" 4
    book "${p}85" 4 1 1 1 1
}
rows_closed() {
    local row i
    for row in 90:4:already 91:0:not 92:1:not; do
        IFS=: read -r row i word <<<"$row"
        inquiry_is "$p$row" "$i"
        get_otp "$p$row"
        has "$gen $row: OTP" "$body" "Transaction is $word in"
        refund "$p$row" 123456
        has "$gen $row: refund" "$body" "Transaction is $word in"
        book "$p$row" "$i" 1 0 1 0
    done
    get_otp "${p}93"
    has "$gen 93: on hold" "$body" 'not in a refundable state'
    for i in 1 2 3; do inquiry_is "${p}93" 5; done
    inquiry_is "${p}93" 3
    refund_with_otp "${p}93"
    has "$gen 93: then ordinary" "$body" 'Refund done'
    book "${p}93" 4 2 1 1 1
    inquire "${p}94"
    has "$gen 94: inquiry" "$body" '"status":168,'
    get_otp "${p}94"
    has "$gen 94: OTP" "$body" '"status":168,'
    refund "${p}94" 123456
    has "$gen 94: refund" "$body" '"status":168,'
    line=$(curl -s "$control/book?tid=${p}94")
    has "$gen 94: book" "$line" '"tx_status":-1,"credited":0'
}
rows_late() {
    local t0 t1 other=${p}98
    t0=$(now_ms)
    refund_with_otp "${p}95"
    t1=$(now_ms)
    has "$gen 95: R1" "$body" '"message":"Refund done"'
    if [ $((t1 - t0)) -ge 700 ]; then pass "$gen 95: late"; else fail "$gen 95: late" $((t1 - t0)); fi
    book "${p}95" 4 1 1 1 1
    refund_with_otp "${p}97"
    has "$gen 97: another TID" "$body" "\"tid\":\"$other\""
    book "${p}97" 4 1 1 1 1
    inquire "${p}98"
    is "$gen 98: inquiry" "$http" 403
    get_otp "${p}98"
    is "$gen 98: OTP" "$http" 403
    refund "${p}98" 123456
    is "$gen 98: refund" "$http" 403
    book "${p}98" 3 1 0 1 0
}
row_callback() {
    local here=$dir/callback.$gen before
    set_control callback '{"url":""}' >/dev/null
    refund_with_otp "${p}96"
    has "$gen 96: without a URL an ordinary answer" "$body" 'Refund done'
    command -v python3 >/dev/null || { echo "skipped: $gen 96 calls back (no python3)"; return; }
    python3 -c '
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        with open(sys.argv[1] + ".got", "w") as f:
            f.write(self.path + " " + self.headers["content-type"] + " " + body)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *a): pass
s = http.server.HTTPServer(("127.0.0.1", 0), H)
with open(sys.argv[1] + ".new", "w") as f: f.write(str(s.server_port))
import os; os.rename(sys.argv[1] + ".new", sys.argv[1] + ".port")
s.serve_forever()' "$here" &
    helper_pids="$helper_pids $!"
    for before in $(seq 50); do [ -s "$here.port" ] && break; sleep 0.1; done
    has "callback URL is set" "$(set_control callback \
        "{\"url\":\"http://127.0.0.1:$(cat "$here.port")/callback/eko/x\"}")" '/callback/eko/x"'
    refund_with_otp "$((p + 1))96"
    has "$gen 96: R1" "$body" 'Refund done'
    has "$gen 96: the callback came before the answer" "$(cat "$here.got" 2>/dev/null)" \
        "/callback/eko/x application/json {\"tx_status\":4,"
    has "$gen 96: the callback names the TID" "$(cat "$here.got")" "\"tid\":$((p + 1))96,"
    book "$((p + 1))96" 4 1 1 1 1
    set_control callback '{"url":"http://127.0.0.1:9/"}' >/dev/null
    refund_with_otp "$((p + 2))96"
    has "$gen 96: an answer though nobody listens" "$body" 'Refund done'
    set_control callback '{}' >/dev/null
}
row_changing() {
    local tid=$((p + 3))99 seen= i
    for i in 1 2 3 4; do
        get_otp "$tid"
        seen="$seen $http:$(printf %s "$body" | cut -c1-30)"
        inquire "$tid"
        seen="$seen $http:$(status_of)"
    done
    has "$gen 99: a 403 among the answers" "$seen" 403:
    has "$gen 99: a 200 among the answers" "$seen" 200:3
    have_otp "$tid" # the fifth: the cycle begins again
    for i in $(seq 20); do
        limit=0.4 refund "$tid" "$otp"
        line=$(curl -s "$control/book?tid=$tid")
        case $line in *'"initiate_executed":1'*) break ;; esac
    done
    has "$gen 99: executed in the end" "$line" '"tx_status":4'
    refund "$tid" "$otp"
    line=$(curl -s "$control/book?tid=$tid")
    has "$gen 99: executed once" "$line" '"initiate_executed":1'
}

# --- the door -----------------------------------------------------------------------------------
door() {
    local tid=5550000007 good=$secret
    is "golden vector" "$(sign 1700000000000)" u30ak/iOGwKCaspqCeiYng8fd98QDx7kF3DBBOadQHk=
    gen=v3
    secret=AAAA$secret inquire $tid
    secret=$good
    is "wrong secret-key" "$http" 403
    developer_key=other inquire $tid
    is "wrong developer_key" "$http" 403
    use_clock $(($(now_ms) - 310000))
    inquire $tid
    is "clock five minutes behind" "$http" 403
    use_clock $(($(now_ms) + 310000))
    inquire $tid
    is "clock five minutes ahead" "$http" 403
    use_clock "$(now_ms)"
    inquire $tid
    is "right keys and clock" "$http" 200
    request GET "$base/v3/no/such/url"
    is "unknown URL" "$http" 404
    request GET "$base/v9/transactions/$tid"
    is "unknown generation" "$http" 404
    request GET "$base/v3/customer/payment/refund/$tid"
    is "GET where POST is needed" "$http" 405
    request POST "$base/v2/transactions/$tid/refund" -H 'content-type: application/json' -d '{}'
    is "JSON to v2" "$http" 415
    request POST "$base/v3/customer/payment/refund/$tid/otp" -d 'initiator_id=9000000001'
    is "a form to v3" "$http" 415
    json "/customer/payment/refund/$tid/otp" '{"initiator_id":"9000000001"'
    has "JSON cut short" "$body" 'cannot be read'
    json "/customer/payment/refund/$tid/otp" '{"initiator_id":"9000000009"}'
    has "wrong initiator_id" "$body" '"status":319'
    user=1 inquire $tid
    user=20110001
    has "wrong user_code" "$body" '"status":346'
    user=20110002 inquire $tid
    user=20110001
    is "a second user_code" "$(status_of)" 3
    form "/transactions/$tid/refund" 'initiator_id=9000000001&user_code=20110001&otp=123456'
    has "no state" "$body" '"invalid_params":{"state":'
    json "/customer/payment/refund/$tid" \
        '{"initiator_id":"9000000001","user_code":"20110001","otp":"123456","state":1}'
    has "no service_code" "$body" '"invalid_params":{"service_code":'
    have_otp $tid
    ref=other refund $tid "$otp"
    has "another otp_ref_id" "$body" '"invalid_params":{"otp_ref_id":'
    head -c 20000 /dev/zero | tr '\0' a >"$dir/large"
    request POST "$base/v2/transactions/$tid/refund" --data-binary "@$dir/large"
    is "a body of 20 kB" "$http" 413
    line=$(curl -s "$control/book?tid=$tid")
    has "refused calls are counted, not executed" "$line" '"initiate_calls":5,"initiate_executed":0'
}
leading_zero() {
    local n=0 tid
    gen=v3
    for n in $(seq 100 160); do
        tid=77${n}000
        get_otp $tid
        otp=$(phone $tid)
        case $otp in 0*) break ;; esac
    done
    has "an OTP that begins with 0" "${otp:0:1}" 0
    json "/customer/payment/refund/$tid" "{\"initiator_id\":\"9000000001\",\"user_code\":\"$user\",\
\"otp\":$((10#$otp)),\"state\":1,\"service_code\":80,\"otp_ref_id\":\"$ref\"}"
    has "its zero lost: wrong" "$body" 'Wrong'
    refund $tid "$otp"
    has "its zero kept: right" "$body" '"status":0'
    is "$tid: credited" "$(curl -s "$control/book?tid=$tid" | grep -c '"initiate_executed":1')" 1
}

# --- the control port ---------------------------------------------------------------------------
control_port_works() {
    local all page http_of
    page=$(curl -s "$control/phone")
    has "phone page" "$page" "<title>Customer's phone</title>"
    has "phone page shows the OTP" "$page" "<b>$otp</b>"
    http_of=$(curl -s -o /dev/null -w '%{http_code}' "$control/phone/44444444")
    is "phone of an unknown TID" "$http_of" 404
    all=$(curl -s "$control/book")
    is "book: a line per TID" "$(printf '%s\n' "$all" | wc -l)" \
        "$(printf '%s\n' "$all" | sed 's/.*"tid":"\([0-9]*\)".*/\1/' | sort -u | wc -l)"
    is "book: nothing but such lines" "$(printf '%s\n' "$all" | grep -cvE '^\{"tid":"[0-9]{8,12}","tx_status":-?[0-9],"credited":[0-9]+,"otp_calls":[0-9]+,"otp_sent":[0-9]+,"initiate_calls":[0-9]+,"initiate_executed":[01],"inquiry_calls":[0-9]+\}$')" 0
    has "healthz" "$(curl -s "$control/healthz")" '"status":"ok"'
    gen=v3
    inquire 5550000007
    local customer=$(printf %s "$body" | sed -n 's/.*"customer_id":"\([0-9]*\)".*/\1/p')
    request GET "$base/v3/customer/payment/refunds?initiator_id=9000000001&user_code=$user&customer_id=$customer"
    has "pending refunds of a customer" "$body" '"tid":"5550000007"'
    request GET "$base/v3/customer/payment/refunds?initiator_id=9000000001&user_code=$user&customer_id=9000000000"
    has "no pending refunds" "$body" '"data":{}'
}
faults_work() {
    local i executed
    gen=v3
    is "faults come back" "$(set_control faults '{"latency_ms":5,"drop":0.25,"seed":7}')" \
        '{"latency_ms":5,"drop":0.25,"error_502":0,"silent":0,"seed":7}'
    is "a share over 1 is refused" "$(curl -s -o /dev/null -w '%{http_code}' -d '{"drop":1.5}' \
        "$control/faults")" 400
    set_control faults '{"error_502":1}' >/dev/null
    inquire 5550000107
    is "error_502" "$http" 502
    set_control faults '{"drop":1}' >/dev/null
    inquire 5550000107
    is "drop" "$http" 000
    set_control faults '{"silent":1}' >/dev/null
    limit=0.3 inquire 5550000107
    is "silent" "$curl_status" 28
    set_control faults '{"latency_ms":300}' >/dev/null
    limit=0.1 inquire 5550000107
    is "latency: not yet" "$curl_status" 28
    inquire 5550000107
    is "latency: then" "$http" 200
    set_control faults '{}' >/dev/null
    for i in $(seq 10 25); do
        have_otp 66600${i}00
        echo "66600${i}00 $otp $ref" >>"$dir/otps"
    done
    set_control faults '{"error_502":1,"seed":42}' >/dev/null
    while read -r tid otp ref; do refund "$tid" "$otp"; done <"$dir/otps"
    set_control faults '{}' >/dev/null
    executed=$(curl -s "$control/book" | grep '"tid":"66600.*"initiate_executed":1' | wc -l)
    if [ "$executed" -gt 0 ] && [ "$executed" -lt 16 ]; then
        pass "some faulty refunds are executed, some are not"
    else
        fail "some faulty refunds are executed, some are not" "$executed of 16"
    fi
    set_control faults '{"drop":1}' >/dev/null
    set_control reset '' >/dev/null
    is "reset: the book is empty" "$(curl -s "$control/book")" ""
    is "reset: no faults" "$(curl -s "$control/faults")" \
        '{"latency_ms":0,"drop":0,"error_502":0,"silent":0,"seed":0}'
    is "reset: the clock is right" "$(($(curl -s "$control/clock" | tr -dc 0-9) / 100000))" \
        "$(($(now_ms) / 100000))"
    inquiry_is 5550000107 3
}
tls_works() {
    curl -s -o /dev/null --max-time 5 "$base/v3/x"
    is "without the CA: not trusted" $? 60
    request GET "https://localhost:$port/ekoapi/v3/x"
    is "localhost is in the certificate" "$http" 404
    curl -s -o /dev/null --max-time 5 --cacert "$dir/b/ca.pem" --resolve "other.example:$port:127.0.0.1" \
        "https://other.example:$port/"
    is "another name is not" $? 60
    curl -s -o /dev/null --max-time 5 --tls-max 1.1 --cacert "$dir/b/ca.pem" "$base/v3/x"
    is "TLS 1.1 is refused" $? 35
}
start_and_stop() {
    local i
    "$bank" --help | grep -q -- --control-port && pass "--help" || fail "--help"
    "$bank" --port 1 >/dev/null 2>&1
    is "missing options" $? 2
    "$bank" --port "$port" --control-port 0 --dir "$dir" >/dev/null 2>"$dir/err"
    is "port taken: exit status" $? 1
    is "port taken: one line" "$(cat "$dir/err")" "bank: port $port is taken by another program"
    set_control faults '{"silent":1}' >/dev/null
    for i in 1 2 3 4 5; do
        curl -s -o /dev/null --max-time 20 --cacert "$dir/b/ca.pem" "$base/v3/tools/reference/transaction/55500000$i" \
            -H "developer_key: $developer_key" -H "secret-key: $secret" \
            -H "secret-key-timestamp: $timestamp" &
        helper_pids="$helper_pids $!"
    done
    for i in $(seq 30); do
        case $(curl -s "$control/healthz") in *'"waiting_calls":5}'*) break ;; esac
        sleep 0.1
    done
    has "five calls are held" "$(curl -s "$control/healthz")" '"waiting_calls":5}'
    kill "$!"
    for i in $(seq 30); do
        case $(curl -s "$control/healthz") in *'"waiting_calls":4}'*) break ;; esac
        sleep 0.1
    done
    has "a client that leaves is let go" "$(curl -s "$control/healthz")" '"waiting_calls":4}'
    stop_bank
    is "SIGTERM: exit status" "$stop_status" 0
    if [ "$stop_ms" -lt 10000 ]; then pass "SIGTERM: soon"; else fail "SIGTERM: soon" "$stop_ms ms"; fi
    is "nothing on stderr" "$(cat "$dir/b/err")" ""
    is "ready on stdout" "$(cat "$dir/b/out")" ready
}
uat_and_plain() {
    start_bank "$dir/b2" --plain --uat
    base=http://127.0.0.1:$port/ekoapi
    for gen in v3 v2; do
        have_otp 5550000${gen#v}07
        has "$gen O8 tells the OTP" "$body" "\"otp\":\"$otp\""
        refund 5550000${gen#v}07 "$otp"
        has "$gen: refund by plain HTTP" "$body" '"message":"Refund done"'
    done
    stop_bank
    is "plain: exit status" "$stop_status" 0
    is "plain: nothing on stderr" "$(cat "$dir/b2/err")" ""
}

start_bank "$dir/b" --mixed --slow-ms 700 --user-code 20110001,20110002
base=https://127.0.0.1:$port/ekoapi
use_clock "$(now_ms)"
for gen in v3 v2; do
    case $gen in v3) p=12340000 ;; *) p=56780000 ;; esac
    ordinary
    other_shapes
    rows_otp
    rows_unanswered
    rows_veiled
    rows_closed
    rows_late
    row_callback
    row_changing
    use_clock "$(now_ms)"
done
door
leading_zero
control_port_works
faults_work
tls_works
start_and_stop
uat_and_plain

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
