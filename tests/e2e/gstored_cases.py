"""gstored by itself, as vmx and hostd see it: python3 gstored_cases.py CASE."""

import os
import random
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

from gstored import (CANCEL, END, GET, OPENED, Closed, Gstored, Origin, Vm, noise)

MIB = 1 << 20


def check(is_, want, what=""):
    if is_ != want:
        raise AssertionError(f"{what}: {is_!r:.300}, not {want!r:.300}")


def folder(contents):
    root = tempfile.mkdtemp(prefix="gstored-repo-")
    os.chmod(root, 0o755)
    for name, content in contents.items():
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content)
    return root


def case_folder():
    """Every kind of thing that a folder may hold, and every way to ask for what it may not give."""
    root = folder({"a/b.txt": b"hello", "empty": b"", "vmware/metadata.json": b"{}", "private": b"x",
                   "full": noise(3 * MIB), "limit": b"1" * 5000, "over": b"1" * 5001})
    os.truncate(os.path.join(root, "limit"), 4 * MIB)
    os.truncate(os.path.join(root, "over"), 4 * MIB + 1)
    os.chmod(os.path.join(root, "private"), 0)
    os.mkfifo(os.path.join(root, "fifo"))
    os.symlink("/etc/passwd", os.path.join(root, "out"))
    os.symlink("../../../../etc/passwd", os.path.join(root, "out2"))
    os.symlink("/proc/self/root/etc/passwd", os.path.join(root, "out3"))
    os.symlink("a/b.txt", os.path.join(root, "in"))
    if os.getuid() == 0:
        os.mknod(os.path.join(root, "device"), stat.S_IFCHR | 0o666, os.makedev(1, 5))
    s = socket.socket(socket.AF_UNIX)
    s.bind(os.path.join(root, "socket"))
    g = Gstored().up(repository=root, sizeMax=4 * MIB)
    vm = g.vm("1")
    for path, content in {"/a/b.txt": b"hello", "/empty": b"", "/vmware/": b"{}", "/in": b"hello",
                          "/full": noise(3 * MIB)}.items():
        r = vm.get(path)
        check((r.code, r.content), (0, content), path)
    check(vm.get("/limit", read=False).code, 0, "as large as may be")
    refused = ["/over", "/out", "/out2", "/out3", "/..", "/../etc/passwd", "/a/../a/b.txt",
               "/a//b.txt", "/./a/b.txt", "/%2e%2e/etc/passwd", "/a/%2e%2e/%2e%2e/etc/passwd",
               "/..%2f..%2fetc/passwd", "/%252e%252e/x", "/..\\..\\x", b"/a\x00b", b"/\xc0\xae\xc0\xae/x",
               b"/a\nb", "a/b.txt", "\\a", b"\xff"]
    if g.uid:
        refused.append("/private")
    for path in refused:
        check(vm.get(path).code, -1, path)
    for path in ["/none", "/a", "/fifo", "/socket", "/device", "/a/b.txt/x", "/a/", "/" + "n" * 300]:
        check(vm.get(path).code, -2, path)
    check(vm.get("/" + "p" * 1023).code, -2, "1024 bytes")
    log = g.log()
    assert 'path=/a\\x0ab' in log and "result=EPERM" in log, log
    check(g.status()["denied"], len(refused), "denied")
    g.stop()


def case_rules():
    """Rules per VM, changed while it runs; broken ones deny; one VM's do not touch another's."""
    g = Gstored().up(repository=folder({"vmware/vmtools-11/x": b"11", "vmware/vmtools-10/x": b"10",
                                        "other/x": b"o", "secret": b"s"}))
    a, b = g.vm("1", grant=".*/vmtools-11/.*", deny=".*"), g.vm("2")
    paths = ["/vmware/vmtools-11/x", "/vmware/vmtools-10/x", "/other/x"]

    def codes(vm):
        return [vm.get(p).code for p in paths]

    check(codes(a), [0, -1, -1], "a")
    check(codes(b), [0, 0, 0], "b")
    check(a.get("/does/not/exist").code, -1, "a rule comes before the name")
    g.call("rules", vm="1", deny="/other/.*")
    check(codes(a), [0, 0, -1], "changed")
    g.call("rules", vm="1", grant=".*", deny="(")
    check(codes(a), [-1, -1, -1], "broken")
    assert "does not compile" in [v for v in g.status()["vms"] if v["vm"] == "1"][0]["problem"]
    g.call("rules", vm="1", grant="/(o+)+[xy]")
    check(codes(a), [0, 0, 0], "repaired")
    start = time.monotonic()
    check(a.get("/" + "o" * 1000).code, -1, "a rule that would take for ever")
    assert time.monotonic() - start < 5
    check(codes(b), [0, 0, 0], "b again")
    check("error" in g.call("rules", check=False, vm="9", deny=".*"), True, "no such VM")
    assert 'rule="deny 1 (.*)"' in g.log() and "takes too long" in g.log()
    g.stop()


def case_nonsense():
    """What is no request costs its sender the connection, and nobody else anything."""
    g = Gstored().up(repository=folder({"a": b"x"}))
    good = g.vm("good")
    for kind, ident, body in [(GET, 0, b"/a"), (GET, 1, b""), (GET, 1, b"/" * 1025), (3, 1, b""),
                              (CANCEL, 1, b"x"), (OPENED, 1, b"\0" * 16), (END, 1, b"\0" * 4)]:
        vm = g.vm("bad")
        vm.channel.send(kind, ident, body)
        try:
            vm.channel.receive()
            raise AssertionError(f"an answer to {kind}")
        except (Closed, ConnectionResetError):
            pass
    for raw in [b"\xff" * 64, os.urandom(4096), b"\0" * 15]:
        vm = g.vm("bad")
        vm.channel.sock.sendall(raw)
        vm.channel.sock.shutdown(socket.SHUT_WR)
        try:
            while vm.channel.sock.recv(4096):
                pass
        except ConnectionResetError:
            pass
    check(good.get("/a").content, b"x", "the other VM")
    # One more than may be open at once.
    gate = threading.Event()
    g.stop()
    o = Origin()
    o.gate = gate
    o.put("/a", noise(MIB))
    g = Gstored().up(repository=o.url)
    vm = g.vm("1")
    for n in range(1, 6):
        vm.ask("/a", n)
    seen = {}
    while 5 not in seen:
        kind, ident, body, fds = vm.channel.receive()
        for fd in fds:
            os.close(fd)
        if kind == END:
            seen[ident] = int.from_bytes(body[:4], "little", signed=True)
    check(seen, {5: -16}, "the fifth")
    vm.channel.send(CANCEL, 2)
    while 2 not in seen:
        kind, ident, body, fds = vm.channel.receive()
        for fd in fds:
            os.close(fd)
        if kind == END:
            seen[ident] = int.from_bytes(body[:4], "little", signed=True)
    check(seen[2], -125, "cancelled")
    gate.set()
    # A guest that asks and goes away.
    vm.close()
    check(g.vm("2").get("/a").content, noise(MIB), "the next")
    g.stop()
    o.stop()


def case_http():
    """Content of a web server: names, sizes, redirects, errors, versions."""
    o = Origin()
    odd = {"/r/a b+%?#&~(x).txt": b"odd", "/r/\u00e4".encode().decode("latin-1"): b"umlaut"}
    o.put("/r/empty", b"")
    o.put("/r/big", noise(5 * MIB))
    for name, content in odd.items():
        o.put(name, content)
    o.redirect["/r/moved"] = o.url + "/r/big"
    o.redirect["/r/loop"] = "/r/loop"
    o.redirect["/r/file"] = "file:///etc/passwd"
    o.redirect["/r/tls"] = o.url.replace("http:", "https:") + "/r/big"
    g = Gstored().up(repository=o.url + "/r/", sizeMax=5 * MIB)
    vm = g.vm("1")
    check(vm.get("/a b+%?#&~(x).txt").content, b"odd")
    check(vm.get("/\u00e4").content, b"umlaut")
    check(vm.get("/empty").content, b"")
    for _ in range(2):
        check(vm.get("/big").content, noise(5 * MIB))
        check(vm.get("/moved").content, noise(5 * MIB))
    check([vm.get(p).code for p in ["/none", "/loop", "/file", "/tls"]], [-2, -5, -5, -5])
    bodies = o.bodies
    check(vm.get("/big").code, 0)
    check(o.bodies, bodies, "unchanged: from the cache")
    o.put("/r/big", noise(4 * MIB, 2))
    check(vm.get("/big").content, noise(4 * MIB, 2), "the new version")
    o.put("/r/big", noise(5 * MIB + 1, 3))
    check(vm.get("/big").code, -1, "too large")
    o.chunked = True
    check(vm.get("/big").code, -1, "too large, length not announced")
    o.put("/r/big", noise(3 * MIB, 4))
    r = vm.get("/big")
    check((r.content, len(r.steps)), (noise(3 * MIB, 4), 1), "chunked: size first known at the end")
    o.chunked = False
    o.headers["Content-Encoding"] = "gzip"
    o.put("/r/coded", b"x")
    check(vm.get("/coded").code, -71, "encoded")
    o.headers.clear()
    del o.contents["/r/big"]
    check(vm.get("/big").code, -2, "gone")
    # Without validators nothing can be reused.
    o.validators = False
    o.put("/r/plain", b"1")
    check(vm.get("/plain").content, b"1")
    o.contents["/r/plain"] = b"2"
    check(vm.get("/plain").content, b"2")
    o.stop()
    check(vm.get("/plain").code < -2, True, "the server is gone")
    g.stop()


def case_tls():
    """The server's certificate must be good: for its name, by an authority that is trusted."""
    d = tempfile.mkdtemp(prefix="gstored-tls-")
    os.chmod(d, 0o755)

    def make(name, cn):
        key, cert = os.path.join(d, name + ".key"), os.path.join(d, name + ".pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=" + cn,
                        "-addext", "subjectAltName=DNS:" + cn, "-keyout", key, "-out", cert],
                       check=True, capture_output=True)
        os.chmod(cert, 0o644)
        return cert, key

    right, other = make("right", "localhost"), make("other", "elsewhere.example")
    for served, trusted, want in [(right, right[0], 0), (right, None, -5), (right, other[0], -5),
                                  (other, other[0], -5)]:
        o = Origin(tls=served)
        o.put("/a", b"secure")
        g = Gstored()
        g.up(repository=o.url, **({"caFile": trusted} if trusted else {}))
        check(g.vm("1").get("/a").code, want, (served, trusted))
        g.stop()
        o.stop()


def case_single_flight():
    """Many VMs, one download, which all follow while it arrives."""
    o = Origin()
    o.gate = threading.Event()
    content = noise(24 * MIB)
    o.put("/big", content)
    g = Gstored().up(repository=o.url)
    vms = [g.vm(str(n)) for n in range(64)]
    results = [None] * len(vms)
    opened = threading.Semaphore(0)

    def one(n):
        results[n] = vms[n].get("/big", on_opened=lambda r: opened.release())

    threads = [threading.Thread(target=one, args=(n,)) for n in range(len(vms))]
    for t in threads:
        t.start()
    for _ in vms:  # all of them have it open while half of it is still with the server
        assert opened.acquire(timeout=60)
    check(any(results), False, "nobody has ended")
    o.gate.set()
    for t in threads:
        t.join()
    for r in results:
        check((r.code, r.content == content), (0, True))
    check([c for c, _ in o.requests].count("GET"), 1, "reads of the origin")
    status = g.status()
    check((status["misses"], status["shared"]), (1, 63))
    # A denied VM does not get in by the side door.
    o.gate = threading.Event()
    o.put("/big2", content)
    denied = g.vm("denied", deny=".*")
    thread = threading.Thread(target=lambda: vms[0].get("/big2"))
    thread.start()
    o.started.acquire(timeout=60)
    check(denied.get("/big2").code, -1)
    o.gate.set()
    thread.join()
    # gstored moves no content through itself.
    memory = g.memory()
    if "san" not in os.environ.get("GSTORED", ""):
        assert memory < 32 * 1024, f"{memory} KiB"
    print(f"most memory {memory} KiB")
    g.stop()
    o.stop()


def case_broken():
    """Whatever happens on the way, nobody is told that a wrong file is right."""
    o = Origin()
    content = noise(4 * MIB)
    o.put("/a", content)
    g = Gstored().up(repository=o.url)
    vm = g.vm("1")
    for at in [0, 1, MIB, len(content) - 1]:
        o.stop_after = at
        r = vm.get("/a")
        check(r.code < -2, True, f"broken after {at}: {r.code}")
    o.stop_after = None
    check(vm.get("/a").content, content, "the next request")
    # Written over, same size, while it is read: what came is of two versions.
    o.put("/b", content)
    o.gate = threading.Event()
    ended = []
    thread = threading.Thread(target=lambda: ended.append(vm.get("/b")))
    thread.start()
    o.started.acquire(timeout=60)
    o.put("/b", noise(4 * MIB, 2))
    o.gate.set()
    thread.join()
    check(ended[0].code, -5, "replaced on the way")
    o.gate = None
    check(vm.get("/b").content, noise(4 * MIB, 2), "the next request")
    g.stop()
    o.stop()


def case_cache():
    """The cache: its limit, what goes first, damage, restart."""
    o = Origin()
    for n in range(8):
        o.put(f"/{n}", noise(MIB, n))
    g = Gstored().up(repository=o.url, cacheMax=4 * MIB)
    cache = os.path.join(g.state, "cache")

    def used():
        return sum(os.stat(os.path.join(cache, f)).st_size for f in os.listdir(cache)
                   if not f.endswith(".meta"))

    vm = g.vm("1")
    for n in range(6):
        check(vm.get(f"/{n}").content, noise(MIB, n))
        assert used() <= 4 * MIB, used()
        vm.get("/0")  # used often: it stays
    bodies = o.bodies
    vm.get("/0")
    vm.get("/5")
    check(o.bodies, bodies, "what was used last is there")
    vm.get("/1")
    check(o.bodies, bodies + 1, "what was used first has gone")
    o.put("/huge", noise(4 * MIB + 1, 9))
    check(vm.get("/huge").code, -28, "larger than the cache")
    o.chunked = True
    check(vm.get("/huge").code, -28, "larger than the cache, length not announced")
    o.chunked = False
    check(vm.get("/0").content, noise(MIB, 0), "the next request")
    # An evicted file that is being read goes on.
    r = vm.get("/0", keep=True)
    for n in range(1, 8):
        vm.get(f"/{n}")
    check(os.pread(r.fd, MIB, 0), noise(MIB, 0), "an evicted file")
    os.close(r.fd)
    # Damage of every kind.
    vm.get("/7")

    def entries():
        return [os.path.join(cache, f) for f in os.listdir(cache) if not f.endswith(".meta")]

    def flip(path):
        with open(path, "r+b") as f:
            f.seek(1000)
            byte = f.read(1)
            f.seek(1000)
            f.write(bytes([byte[0] ^ 1]))

    for damage in [flip, lambda p: os.truncate(p, 10), os.unlink, lambda p: os.truncate(p, 2 * MIB)]:
        for path in entries():
            damage(path)
        bodies = o.bodies
        check(vm.get("/7").content, noise(MIB, 7), "damaged")
        check(o.bodies, bodies + 1, "fetched again")
    # A new process takes the cache over, and trusts nothing.
    g.kill()
    flip(entries()[0])
    with open(os.path.join(cache, "tmp-99"), "wb") as f:
        f.write(b"left behind")
    with open(os.path.join(cache, "0" * 64 + ".meta"), "wb") as f:
        f.write(b"{\"size\": 1")
    g.up(repository=o.url, cacheMax=4 * MIB)
    vm = g.vm("1")
    assert "tmp-99" not in os.listdir(cache) and "0" * 64 + ".meta" not in os.listdir(cache)
    check(vm.get("/7").content, noise(MIB, 7), "damaged while nobody looked")
    g.kill()
    g.up(repository=o.url, cacheMax=4 * MIB)
    bodies = o.bodies
    check(g.vm("1").get("/7").content, noise(MIB, 7))
    check(o.bodies, bodies, "still there")
    g.stop()
    o.stop()


def case_disk_full():
    """A full disk: other files go first; when that does not help, an error."""
    if os.getuid() != 0 or os.environ.get("GSTORED_NO_MOUNT"):
        print("skipped: needs root")
        return
    g = Gstored()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=6m,uid={g.uid},mode=0700", "tmpfs", g.state],
                   check=True)
    try:
        o = Origin()
        for n in range(4):
            o.put(f"/{n}", noise(2 * MIB, n))
        o.put("/big", noise(8 * MIB))
        g.up(repository=o.url)
        vm = g.vm("1")
        for n in range(4):
            check(vm.get(f"/{n}").content, noise(2 * MIB, n), n)
        check(vm.get("/big").code, -28, "more than the disk")
        o.chunked = True
        check(vm.get("/big").code, -28, "more than the disk, length not announced")
        check(vm.get("/1").content, noise(2 * MIB, 1), "the next request")
        g.stop()
        o.stop()
    finally:
        subprocess.run(["umount", g.state], check=True)


def case_life():
    """Settings, the connection of hostd, and ends at any moment."""
    root = folder({"a": b"1"})
    g = Gstored().up(repository=root)
    vm = g.vm("1")
    check(vm.get("/a").content, b"1")
    # hostd is started again: VMs go on.
    g.control.close()
    g.connect()
    check(g.call("configure", revision=1, repository=root)["attached"], ["1"])
    check(vm.get("/a").content, b"1")
    for bad in [dict(op="attach", vm="1"), dict(op="nonsense"), dict(op="detach", vm="none")]:
        op = bad.pop("op")
        assert "error" in g.call(op, check=False, **bad)
    # Attached again: the old connection is over.
    again = g.vm("1")
    try:
        vm.get("/a")
        raise AssertionError("two connections of one VM")
    except (Closed, OSError):
        pass
    check(again.get("/a").content, b"1")
    g.call("detach", vm="1")
    try:
        again.get("/a")
        raise AssertionError("detached")
    except (Closed, OSError):
        pass
    # Other settings: it ends by itself, to be started again.
    assert "error" in g.call("configure", check=False, revision=2, repository=root)
    check(g.process.wait(20), 0)
    g.control.close()
    g.start().connect()
    for bad in ["ftp://x/", "s3://", "http://", "http://user@host/", "relative", "https://h/?q"]:
        assert "error" in g.call("configure", check=False, revision=3, repository=bad), bad
    assert "error" in g.call("status", check=False), "not configured yet"
    g.call("configure", revision=4, repository=root)
    g.stop()
    # A folder that comes later: every request fails until it is there, then it starts again.
    late = os.path.join(folder({}), "late")
    g.up(repository=late)
    check(g.vm("1").get("/a").code, -5)
    os.mkdir(late)
    check(g.vm("1").get("/a").code, -5)
    check(g.process.wait(20), 0, "a folder is there")
    g.control.close()
    g.up()
    check(g.vm("1").get("/a").code, -19, "no repository")
    g.stop()


def case_stranger():
    """Who is not hostd gets no word in."""
    if os.getuid() != 0:
        print("skipped: needs root")
        return
    g = Gstored().up(repository=folder({"a": b"1"}))
    os.chmod(g.path, 0o777)
    os.chmod(g.folder, 0o755)
    code = subprocess.run(
        ["setpriv", "--reuid", "12345", "--clear-groups", sys.executable, "-c",
         "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
         "sys.exit(0 if s.recv(1) == b'' else 1)", g.path], timeout=20, check=False).returncode
    check(code, 0)
    check(g.vm("1").get("/a").content, b"1")
    with open(f"/proc/{g.process.pid}/status", encoding="ascii") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    check(status["Uid"].split(), ["64118"] * 4)
    check((status["CapEff"], status["NoNewPrivs"]), ("0" * 16, "1"))
    check(status.get("Seccomp", "2"), "2")
    g.stop()


def case_s3():
    """A bucket of a real S3 server (versitygw), which checks every signature."""
    server = os.environ["VERSITYGW"]
    d = tempfile.mkdtemp(prefix="gstored-s3-")
    keys, wrong = os.path.join(d, "keys"), os.path.join(d, "wrong")
    for path, secret in [(keys, "the secret"), (wrong, "another")]:
        with open(path, "w", encoding="ascii") as f:
            f.write(f"# keys\n[default]\naws_access_key_id = tester\naws_secret_access_key={secret}\n")
    contents = {"x/a b+c%=&.txt": b"odd", "x/\u00e4": b"umlaut", "big": noise(5 * MIB),
                "dir/metadata.json": b"{}"}
    for name, content in contents.items():
        path = os.path.join(d, "data", "bucket", "some", "prefix", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with open(os.path.join(d, "log"), "wb") as log:
        gateway = subprocess.Popen(
            [server, "--port", f"127.0.0.1:{port}", "--region", "eu-test-1", "posix",
             os.path.join(d, "data")], stdout=log, stderr=log,
            env=dict(os.environ, ROOT_ACCESS_KEY="tester", ROOT_SECRET_KEY="the secret"))
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert time.monotonic() < until and gateway.poll() is None
                time.sleep(0.05)
        where = dict(repository="s3://bucket/some/prefix/", endpoint=f"http://127.0.0.1:{port}",
                     region="eu-test-1")
        g = Gstored(credentials=keys).up(**where)
        vm = g.vm("1")
        for name, content in contents.items():
            r = vm.get("/" + name)
            check((r.code, r.content == content), (0, True), (name, r.text))
        check(vm.get("/dir/").content, b"{}")
        check(vm.get("/none").code, -2)
        fetched = g.status()["fetched"]
        check(vm.get("/big").content, contents["big"])
        check(g.status()["fetched"], fetched, "from the cache")
        assert "the secret" not in g.log() + g.stderr()
        with open(f"/proc/{g.process.pid}/cmdline", "rb") as f:
            assert b"secret" not in f.read()
        g.stop()
        for credentials, codes in [(wrong, [-1]), (None, [-1, -5])]:
            g = Gstored(credentials=credentials).up(**where)
            assert g.vm("1").get("/big").code in codes, "without the right keys"
            g.stop()
    finally:
        gateway.kill()
        gateway.wait()
        shutil.rmtree(d)


def main():
    random.seed(int(os.environ.get("SEED", "1")))
    globals()["case_" + sys.argv[1]]()


if __name__ == "__main__":
    main()
