#!/usr/bin/env bash
# Prints, in one run on this machine, what inguest costs beside nginx and curl. Figures of a shared
# machine are noisy: read the ratios. Usage: bench.sh [seconds per load step, default 5]
set -eu
cd "$(dirname "$0")/.."
tools/install-deps.sh bench
seconds=${1:-5}
build="build-bench"
[ -f $build/build.ninja ] || meson setup $build >/dev/null --buildtype=debugoptimized -Dtests=false
meson compile -C $build >/dev/null

tools/e2e-clients.sh $build
export BATS_TEST_DIRNAME=$PWD/tests/e2e INGUEST_BUILDDIR=$PWD/$build
# shellcheck source=tests/e2e/lib.bash
. tests/e2e/lib.bash
work=$(mktemp -d /tmp/ig-bench-XXXXXX)
cleanup() {
    [ ! -f "$work/nginx.pid" ] || kill "$(cat "$work/nginx.pid")" || true
    host_down || true
    rm -rf "$work"
}
trap cleanup EXIT

host_up
vm_new bench
mkdir "$work/files" "$work/body"
chmod 777 "$work" "$work/files" "$work/body"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
    -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
sed "s#@DIR@#$work#g; s#@PORT@#$port#" bench/nginx.conf.in >"$work/nginx.conf"
nginx -c "$work/nginx.conf" 2>/dev/null
nginx=https://127.0.0.1:$port
soap() {
    python3 bench/soap.py "$HOST_ADDRESS" tester "$HOST_PASSWORD_DEFAULT" bench root guest-pw "$@"
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b ? a / b : 0 }'; }

rps() { # URL connections [script]
    wrk -t"$(($2 > 1 ? 2 : 1))" -c"$2" -d"${seconds}s" ${3:+-s "$3"} "$1" | awk '
        /Non-2xx/ { bad = 1 } /Socket errors/ { bad = 1 } /Requests\/sec/ { r = $2 }
        END { print bad ? 0 : r }'
}
echo "== requests per second (nginx: constant reply over HTTPS)"
soap wrk content >"$work/content.lua"
soap wrk guest >"$work/guest.lua"
for connections in 1 64; do
    base=$(rps "$nginx/constant" $connections)
    for what in content guest; do
        mine=$(rps "https://$HOST_ADDRESS/sdk" $connections "$work/$what.lua")
        printf '%-8s %2d connections: %9.0f/s   nginx %9.0f/s   ratio %s\n' $what $connections \
            "$mine" "$base" "$(ratio "$mine" "$base")"
    done
done

echo "== round trips, median of 200, milliseconds (empty = CurrentTime)"
read -r empty list run < <(soap latency 200)
printf 'empty request %s   ListFiles %s (%s more)   StartProgram to exit code %s\n' "$empty" "$list" \
    "$(awk -v a="$list" -v b="$empty" 'BEGIN { printf "%.3f", a - b }')" "$run"

echo "== transfers of 512 MiB over HTTPS, MB/s, median of 5"
head -c $((512 << 20)) /dev/urandom >"$work/files/data"
median() { sort -n | sed -n 3p; }
speed() { curl -sk -o /dev/null -w '%{speed_download} %{speed_upload} %{http_code}\n' "$@" |
    awk '{ if ($3 !~ /^20/) exit 1; s = $1 > $2 ? $1 : $2; printf "%.0f\n", s / 1e6 }'; }
size=$((512 << 20))
# In turns, so that what else the machine does meets both, and each upload right after one of its own kind that does
# not count: a virtual machine gives memory back that is free for seconds, and getting it again would cost whoever
# comes first more than the transfer.
for _ in 1 2 3 4 5; do
    for where in uncounted up; do speed -T "$work/files/data" "$(soap url /root/data $size)" >>"$work/$where"; done
    for where in uncounted nginx-up; do speed -T "$work/files/data" "$nginx/up" >>"$work/$where"; done
    speed "$(soap url /root/data)" >>"$work/down"
    speed "$nginx/data" >>"$work/nginx-down"
done
up=$(median <"$work/up") down=$(median <"$work/down")
nginx_up=$(median <"$work/nginx-up") nginx_down=$(median <"$work/nginx-down")
echo "upload   $up   nginx $nginx_up   ratio $(ratio "$up" "$nginx_up")"
echo "download $down   nginx $nginx_down   ratio $(ratio "$down" "$nginx_down")"

echo "== memory now and at most, MiB (after the above)"
for pid in $(host_processes); do
    name=$(basename "$(readlink "/proc/$pid/exe" 2>/dev/null)") || continue
    awk -v n="$name" '/^VmHWM/ { h = $2 } /^VmRSS/ { r = $2 } /^RssAnon/ { a = $2 }
        END { printf "%-18s resident %6.1f  private %6.1f  peak %6.1f\n", n, r / 1024, a / 1024, h / 1024 }' \
        "/proc/$pid/status" 2>/dev/null || true
done

echo "== toolbox --cmd, 100 runs in the guest, milliseconds each"
# Through the same shell without the command, so that what is left is the command.
in_guest() {
    python3 bench/soap.py "$HOST_ADDRESS" tester "$HOST_PASSWORD_DEFAULT" bench root guest-pw run "$1"
}
loop='for i in 1 2 3 4 5 6 7 8 9 10; do for j in 1 2 3 4 5 6 7 8 9 10; do %s; done; done'
with=$(in_guest "$(printf "$loop" 'vmtoolsd --cmd "info-get guestinfo.ip" >/dev/null')")
without=$(in_guest "$(printf "$loop" '/bin/true >/dev/null')")
awk -v a="$with" -v b="$without" 'BEGIN { printf "%.2f (of which %.2f starting a process: /bin/true)\n", a / 100, b / 100 }'

echo "== a get of an entry of a data set, 10,000 times: median and 99th percentile, milliseconds"
vm=$(govc find -type m -name bench -i / | sed 's/.*://')
read -r one one99 many many99 empty empty99 set set99 < <(python3 bench/datasets.py "$HOST_ADDRESS" tester "$HOST_PASSWORD_DEFAULT" "$vm" 10000)
echo "REST            one $one $one99   of 1,000 in turn $many $many99   empty request $empty $empty99   ratio $(ratio "$one" "$empty") $(ratio "$many" "$empty")   (set $set $set99)"
govc guest.upload -f bench/datasets.py /tmp/datasets.py >/dev/null
read -r one one99 many many99 empty empty99 < <(timeout 300 "$GOVC" guest.run /usr/bin/python3 /tmp/datasets.py guest 10000)
echo "vmtoolsd --cmd  one $one $one99   of 1,000 in turn $many $many99   /bin/true $empty $empty99   ratio $(ratio "$one" "$empty") $(ratio "$many" "$empty")"

echo "== GuestStore: 64 VMs pull one file of 400 MB at once, then each a file of its own"
# shellcheck source=bench/gueststore.sh
. bench/gueststore.sh
gueststore_bench 64
