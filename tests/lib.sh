# lib.sh - shell functions that ./demo and ./check share.  Sourced by bash; needs $top, the sources' folder.

me=${me:-${0##*/}}

say() { printf '%s: %s\n' "$me" "$*"; }
complain() { printf '%s: %s\n' "$me" "$*" >&2; }

# ---- packages ----------------------------------------------------------------------------------

# What is looked for, and the Debian package that brings it.  command:, header:, file: and
# pc: (pkg-config).
build_needs="command:gcc=gcc command:make=make command:autoreconf=autoconf command:automake=automake
    command:libtoolize=libtool command:pkg-config=pkg-config header:stdio.h=libc6-dev
    pc:libcurl=libcurl4-openssl-dev pc:libcjson=libcjson-dev pc:libpq=libpq-dev pc:libcrypto=libssl-dev
    header:fcgiapp.h=libfcgi-dev pc:inih=libinih-dev pc:libseccomp=libseccomp-dev pc:libmicrohttpd=libmicrohttpd-dev"
run_needs="command:nginx=nginx command:openssl=openssl command:curl=curl postgres:=postgresql
    file:/etc/ssl/certs/ca-certificates.crt=ca-certificates file:/usr/share/zoneinfo/Asia/Kolkata=tzdata"
test_needs="header:CUnit/Basic.h=libcunit1-dev command:ctags=universal-ctags command:spin=spin
    command:mandoc=mandoc command:xz=xz-utils file:/usr/bin/python3=python3"
deep_needs="command:valgrind=valgrind command:clang-tidy=clang-tidy command:cppcheck=cppcheck"

# The folder of the newest PostgreSQL's programs; fails if there is none.
postgres_bin() {
    local bin
    bin=$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -V | tail -n 1)
    [ -n "$bin" ] && printf '%s\n' "${bin%/postgres}"
}

have() {
    local name=${1#*:}
    case $1 in
    command:*) command -v "$name" >/dev/null || [ -x "/usr/sbin/$name" ] ;;
    header:*) [ -e "/usr/include/$name" ] || [ -n "$(ls /usr/include/*/"$name" 2>/dev/null)" ] ;;
    pc:*) pkg-config --exists "$name" 2>/dev/null ;;
    file:*) [ -s "$name" ] ;;
    postgres:) postgres_bin >/dev/null ;;
    esac
}

# missing_packages NEED...: the packages to install, one a line.
missing_packages() {
    local need
    for need in "$@"; do
        have "${need%%=*}" || printf '%s\n' "${need#*=}"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n true 2>/dev/null || sudo -v && sudo "$@"; fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 "$@" </dev/null >>"$apt_log" 2>&1
}

# install_missing LOG NEED...: installs what is not there; one line and status 1 if that fails.
# New services are not started: the demo runs its own.
install_missing() {
    local packages policy=/usr/sbin/policy-rc.d made= status=0
    apt_log=$1
    shift
    mapfile -t packages < <(missing_packages "$@")
    [ ${#packages[@]} -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        complain "needed, and there is no apt-get to install it: ${packages[*]}"
        return 1
    fi
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        complain "these packages are missing, and only root can install them: ${packages[*]}"
        return 1
    fi
    say "installing ${packages[*]}"
    : >"$apt_log"
    if [ ! -e $policy ]; then
        made=yes
        as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy"
    fi
    apt install --no-install-recommends "${packages[@]}" ||
        { apt update && apt install --no-install-recommends "${packages[@]}"; } || status=1
    [ -z "$made" ] || as_root rm -f $policy
    mapfile -t packages < <(missing_packages "$@")
    if [ $status != 0 ] || [ ${#packages[@]} -gt 0 ]; then
        complain "cannot install ${packages[*]}: $(grep '^E:' "$apt_log" | tail -n 1) (all of it: $apt_log)"
        return 1
    fi
}

# ---- building ----------------------------------------------------------------------------------

# copy_sources DIR: the sources, without what an own build left among them, so that builds never collide.
copy_sources() {
    local to=$1 path
    mkdir -p "$to" || return 1
    (cd "$top" && find . -maxdepth 1 -type f ! -name 'Makefile' ! -name 'Makefile.in' ! -name configure \
        ! -name 'config.*' ! -name libtool ! -name aclocal.m4 ! -name '*.tar.*' ! -name '*.log' -print0 &&
        find .ci sql core fcgi ctl web doc tests -type f ! -name '*.o' ! -name '*.lo' ! -name '*.la' ! -name '*.a' \
            ! -name '*.log' ! -name '*.trs' ! -path '*/.libs/*' ! -path '*/.deps/*' ! -name .dirstamp \
            ! -name '*.pc' ! -name '*.service' ! -name '*.socket' ! -name '*.gcno' ! -name '*.gcda' \
            ! -path fcgi/otprefund.fcgi ! -path ctl/otprefundctl ! -path tests/bank/bank \
            ! -path tests/integration/integration \
            \( ! -path 'tests/unit/test_*' ! -path 'tests/fuzz/fuzz_*' -o -name '*.c' \) -print0) \
        >"$to.list" || return 1
    (cd "$top" && tar -c --null -T "$to.list") | tar -x -C "$to" || return 1
    (cd "$to" && find .ci sql core fcgi ctl web doc tests -type f -print0) |
        while IFS= read -r -d '' path; do
            [ -e "$top/$path" ] || rm -f "$to/$path"
        done
    rm -f "$to.list"
}

# build DIR CONFIGURE-FLAG...: DIR/src (a copy), DIR/obj, DIR/install.  Says the first error in one line.
build() {
    local dir=$1 log=$1/build.log
    shift
    mkdir -p "$dir/obj" && copy_sources "$dir/src" || return 1
    : >"$log"
    if [ ! -x "$dir/src/configure" ]; then
        "$dir/src/autogen.sh" >>"$log" 2>&1 || { build_failed autogen.sh "$log"; return 1; }
    fi
    if [ ! -x "$dir/obj/config.status" ]; then
        (cd "$dir/obj" && ../src/configure --quiet --prefix="$dir/install" "$@") >>"$log" 2>&1 ||
            { build_failed configure "$log"; return 1; }
    fi
    make -C "$dir/obj" -j"$(nproc)" all >>"$log" 2>&1 || { build_failed make "$log"; return 1; }
    make -C "$dir/obj" install >>"$log" 2>&1 || { build_failed "make install" "$log"; return 1; }
}

build_failed() {
    complain "$1 failed: $(grep -m 1 -E 'error:|\*\*\*|Error ' "$2" || tail -n 1 "$2") (all of it: $2)"
}

# ---- ports and processes -----------------------------------------------------------------------

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_ports FIRST N: the first of N neighbouring ports nobody listens on.
free_ports() {
    local port=$1 n=$2 i
    while [ "$port" -lt 65000 ]; do
        for ((i = 0; i < n; i++)); do
            port_taken $((port + i)) && break
        done
        [ "$i" = "$n" ] && { echo "$port"; return 0; }
        port=$((port + n))
    done
    return 1
}

# A process's name for life: pid, start time, boot.  Empty: gone.
process_mark() {
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    case $stat in *") Z "*) return 1 ;; esac
    # shellcheck disable=SC2086
    set -- "$1" ${stat##*) }
    echo "$1 ${21} $(cat /proc/sys/kernel/random/boot_id)"
}

# pid_of FILE: the pid in a file written by mark_pid, if that very process still runs.
pid_of() {
    local mark
    mark=$(cat "$1" 2>/dev/null) && [ -n "$mark" ] && [ "$(process_mark "${mark%% *}")" = "$mark" ] &&
        echo "${mark%% *}"
}

mark_pid() { process_mark "$1" >"$2"; }

# wait_gone FILE TENTHS: waits until the process of a pid file has ended.
wait_gone() {
    local i
    for ((i = 0; i < $2; i++)); do
        pid_of "$1" >/dev/null || return 0
        sleep 0.1
    done
    return 1
}
