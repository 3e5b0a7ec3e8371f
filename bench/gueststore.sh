# shellcheck shell=bash
# shellcheck disable=SC2154 # $work is of who sources this
# What GuestStore does: as many sandbox VMs as told pull one file of 400 MB at once, and each a file of
# its own; nginx serves the same file to as many curl over plain HTTP beside it. Sourced by bench.sh and
# by the bench's own run; needs lib.bash, a host that is up, $work and ratio.

gueststore_vms() { # COUNT: makes and starts them, eight at a time
    local i
    printf 'guest-pw' >"$HOST_DIR/guest-password"
    for i in $(seq "$1"); do
        (inguest vm create "pull$i" --guest-user root --guest-password-file "$HOST_DIR/guest-password" &&
            inguest vm start "pull$i") >/dev/null &
        [ $((i % 8)) -ne 0 ] || wait_but_host
    done
    wait_but_host
}

wait_but_host() { # every job but the host itself
    local pid
    for pid in $(jobs -p); do
        [ "$pid" = "$(host_pid)" ] || wait "$pid" || true
    done
}

# gueststore_pull COUNT PATH: every VM gets PATH (%d = its number) at the same moment. Prints the seconds from
# that moment to the end of the first and of the last; fails when one fails.
gueststore_pull() {
    local i start
    start=$(($(date +%s) + 3 + $1 / 8))
    for i in $(seq "$1"); do
        # shellcheck disable=SC2059 # the path is a format
        GOVC_GUEST_LOGIN=root:guest-pw govc guest.run -vm "pull$i" /bin/sh -c "'
            sleep \$(awk -v s=$start -v n=\$(date +%s.%N) \"BEGIN { print s - n }\") &&
            vmware-toolbox-cmd gueststore getcontent $(printf "$2" "$i") /dev/null >/dev/null && date +%s.%N'" \
            >"$work/pull.$i" 2>&1 &
    done
    wait_but_host
    cat "$work"/pull.* | awk -v s="$start" -v n="$1" '
        !/^[0-9.]+$/ { print "failed: " $0 >"/dev/stderr"; next }
        { t = $1 - s; if (!min || t < min) min = t; if (t > max) max = t; count++ }
        END { if (count != n) { print "only " count + 0 " of " n " VMs" >"/dev/stderr"; exit 1 } print min, max }'
}

gueststore_bench() { # COUNT
    local count=$1 size=$((400 << 20)) i seconds first last mine theirs nginx_port
    mkdir -m 755 "$work/repository"
    head -c "$size" /dev/urandom >"$work/repository/big"
    for i in $(seq "$count"); do
        ln "$work/repository/big" "$work/repository/big$i" # of its own by name; one set of pages
    done
    chmod 644 "$work/repository/big"
    inguest gueststore repository set "$work/repository"
    gueststore_vms "$count"
    read -r first last < <(gueststore_pull "$count" /big)
    read -r first last < <(gueststore_pull "$count" /big) # the first filled the page cache
    mine=$(awk -v n="$count" -v s="$size" -v t="$last" 'BEGIN { printf "%.0f", n * s / t / 1e6 }')
    nginx_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    mkdir "$work/plain"
    cat >"$work/plain/nginx.conf" <<NGINX
daemon on; pid $work/plain/nginx.pid; error_log $work/plain/error.log; worker_processes 2;
events { worker_connections 1024; }
http { access_log off; sendfile on; client_body_temp_path $work/plain/b; proxy_temp_path $work/plain/p;
fastcgi_temp_path $work/plain/f; uwsgi_temp_path $work/plain/u; scgi_temp_path $work/plain/s;
server { listen 127.0.0.1:$nginx_port; root $work/repository; } }
NGINX
    nginx -c "$work/plain/nginx.conf" 2>/dev/null
    seconds=$(
        start=$(date +%s.%N)
        for i in $(seq "$count"); do curl -s -o /dev/null "http://127.0.0.1:$nginx_port/big" & done
        wait
        awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN { print b - a }'
    )
    kill "$(cat "$work/plain/nginx.pid")"
    theirs=$(awk -v n="$count" -v s="$size" -v t="$seconds" 'BEGIN { printf "%.0f", n * s / t / 1e6 }')
    echo "one file   $mine MB/s   nginx to $count curl $theirs MB/s   ratio $(ratio "$mine" "$theirs")"
    read -r first last < <(gueststore_pull "$count" /big%d)
    echo "a file each: the first VM is done after $first s, the last after $last s"
    for i in $(host_processes); do
        [ "$(cat "/proc/$i/comm" 2>/dev/null)" != inguest-gstored ] ||
            awk '/^VmHWM/ { printf "gstored at most %.1f MiB resident\n", $2 / 1024 }' "/proc/$i/status"
    done
}
