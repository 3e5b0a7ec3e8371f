#!/usr/bin/env bats
# What is installed is enough to build programs with: headers, libraries and their pkg-config files.
load lib

setup_file() {
    export DEST=$BATS_FILE_TMPDIR/dest
    DESTDIR=$DEST meson install -C "$BUILD" --no-rebuild --quiet
    libdir=$(dirname "$(find "$DEST" -name toolbox.pc)")
    export PKG_CONFIG_LIBDIR=$libdir PKG_CONFIG_SYSROOT_DIR=$DEST
    export LD_LIBRARY_PATH=${libdir%/pkgconfig}
}

# compile PACKAGE SOURCE: to $BATS_TEST_TMPDIR/program, with what pkg-config says and nothing else.
compile() {
    local flags
    flags=$(pkg-config --cflags --libs "$1")
    [[ "$flags" == *"-I$DEST/"* ]]
    # shellcheck disable=SC2086 # flags are words
    cc -Wall -Werror ${INGUEST_SANITIZED:+-fsanitize=address,undefined} -o "$BATS_TEST_TMPDIR/program" "$2" $flags
}

@test "libtoolbox: an agent of one's own" {
    compile toolbox "$BATS_TEST_DIRNAME/../../examples/agent.c"
    run "$BATS_TEST_TMPDIR/program"
    [ "$status" -eq 2 ]
    [ "$output" = "usage: agent PASSWORD_FILE" ]
}

@test "libvix" {
    compile vix "$BATS_TEST_DIRNAME/../../examples/customize.c"
    run "$BATS_TEST_TMPDIR/program"
    [ "$status" -eq 2 ]
    [[ "$output" == "usage: "* ]]
    ldd "$BATS_TEST_TMPDIR/program" | grep -q "libvix.so.1 => $LD_LIBRARY_PATH/"
}

@test "libguestStoreClient" {
    cat >"$BATS_TEST_TMPDIR/get.c" <<'END'
#include <inguest/gueststore.h>

int main(void)
{
    GuestStoreLibError init = GuestStore_Init();

    return init ? 100 : GuestStore_GetContent("/x", "/nonexistent/x", 0, 0, 0, 0);
}
END
    compile guestStoreClient "$BATS_TEST_TMPDIR/get.c"
    export GUESTSTORE_SOCKET=$BATS_TEST_TMPDIR/nobody
    run "$BATS_TEST_TMPDIR/program"
    [ "$status" -eq 8 ] # GSLIBERR_CONNECT_GENERIC: there is no such socket
    ldd "$BATS_TEST_TMPDIR/program" | grep -q "libguestStoreClient.so.0 => $LD_LIBRARY_PATH/"
}
