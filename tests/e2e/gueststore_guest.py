"""Runs inside a guest: the ends of GuestStore's protocol that a test plays itself. Exits with 0 when
everything was as the protocol says."""

import ctypes
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import time

PIPE = "/run/vmware/guestStorePipe"
LINK = "/run/inguest/link/"


def check(condition, what):
    if not condition:
        sys.exit(f"not so: {what}")


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(PIPE)
    return s


def read_exactly(s, size):
    """Less only at the end. (MSG_WAITALL does not wait on a socket with a timeout.)"""
    data = b""
    while len(data) < size and (piece := s.recv(size - len(data))):
        data += piece
    return data


def read_all(s):
    data = b""
    try:
        while piece := s.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    s.close()
    return data


def exchange(request):
    s = connect()
    try:
        s.sendall(request)
    except BrokenPipeError:
        pass
    return read_all(s)


def number(field, value):
    return struct.pack(">IIII", 1, field, value & 0xFFFFFFFF, value >> 32)


def string(field, value):
    return struct.pack(">III", 2, field, len(value)) + value


def packet(*entries):
    body = b"".join(entries)
    return struct.pack(">I", len(body)) + body


def client(path):
    answer = exchange(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    head, body = answer.split(b"\r\n\r\n", 1)
    lines = head.split(b"\r\n")
    check(lines[0] == b"HTTP/1.1 200 OK", lines[0])
    names = [line.split(b":")[0] for line in lines[1:]]
    check(names == [b"Date", b"Server", b"Accept-Ranges", b"Content-Length", b"Content-Type",
                    b"Connection"], names)
    check(body == b"hello, guest\n", body)


def agent():
    """The client library against an agent that is written here; GUESTSTORE_SOCKET says where."""
    path = "/run/own-pipe"
    cases = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 0, b"hello"),
        (b"HTTP/1.1 200 Fine\r\nX: y\r\nContent-Length: 0\r\n\r\n", 0, b""),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 15, None),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 16, None),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", 17, None),
        (b"HTTP/1.1 200 OK\r\n\r\n", 17, None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", 12, None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhello", 17, None),
        (b"x" * 70000, 17, None),
        (b"", 12, None),
    ]
    if os.path.exists(path):
        os.unlink(path)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    out = "/root/agent-out"
    for answer, code, content in cases:
        if os.path.exists(out):
            os.unlink(out)
        process = subprocess.Popen(
            ["vmware-toolbox-cmd", "-q", "gueststore", "getcontent", "/my file?%", out],
            env=dict(os.environ, GUESTSTORE_SOCKET=path))
        s, _ = listening.accept()
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += s.recv(4096)
        check(request == b"GET /my%20file%3F%25 HTTP/1.1\r\n\r\n", request)
        try:
            s.sendall(answer)
        except (BrokenPipeError, ConnectionResetError):
            pass
        s.close()
        check(process.wait(20) == code, (answer[:60], process.returncode))
        found = open(out, "rb").read() if os.path.exists(out) else None
        check(found == content, (answer[:60], found))
    # A service that is not root's is not trusted: the socket is made by another user.
    os.unlink(path)
    child = os.fork()
    if child == 0:
        listening.close()
        os.chmod("/run", 0o777)
        os.setuid(65534)
        other = socket.socket(socket.AF_UNIX)
        other.bind(path)
        other.listen()
        signal.pause()
        os._exit(0)
    while not os.path.exists(path):
        time.sleep(0.01)
    for _ in range(200):
        code = subprocess.call(["vmware-toolbox-cmd", "-q", "gueststore", "getcontent", "/a", out],
                               env=dict(os.environ, GUESTSTORE_SOCKET=path))
        if code != 9:  # it exists a moment before it listens
            break
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.chmod("/run", 0o755)
    check(code == 11, code)
    code = subprocess.call(["vmware-toolbox-cmd", "-q", "gueststore", "getcontent", "/a", out],
                           env=dict(os.environ, GUESTSTORE_SOCKET=path))
    check(code == 9, code)


def library(path, there, nowhere):
    """A client library of other sources, by its published functions."""
    lib = ctypes.CDLL(path)
    seen, out = [], b"/root/library-out"
    progress = ctypes.CFUNCTYPE(ctypes.c_byte, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
    callback = progress(lambda size, received, _: seen.append((size, received)) or 1)
    get = lib.GuestStore_GetContent
    get.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, progress,
                    ctypes.c_void_p]
    check(lib.GuestStore_Init() == 0, "GuestStore_Init")
    check(get(there.encode(), out, None, None, callback, None) == 0, "content")
    check(open(out, "rb").read() == b"hello, guest\n", "the right content")
    check(seen[-1] == (13, 13) and all(size == 13 for size, _ in seen), seen)
    check(get(nowhere.encode(), out, None, None, callback, None) == 16, "no content")
    check(lib.GuestStore_DeInit() == 0 and lib.GuestStore_DeInit() == 3, "GuestStore_DeInit")


def requests():
    def of_size(size):
        begin = b"GET /hello.txt HTTP/1.1\r\nX: "
        return begin + b"x" * (size - len(begin) - 4) + b"\r\n\r\n"

    check(exchange(of_size(4095)).startswith(b"HTTP/1.1 200 OK\r\n"), "4095 bytes")
    check(exchange(of_size(4096)) == b"", "4096 bytes")
    check(exchange(of_size(4097)) == b"", "4097 bytes")
    for bad in [b"POST /hello.txt HTTP/1.1\r\n\r\n", b"GET hello.txt HTTP/1.1\r\n\r\n",
                b"GET /a%00b HTTP/1.1\r\n\r\n", b"GET /a%zz HTTP/1.1\r\n\r\n",
                b"GET " + b"/" * 1025 + b" HTTP/1.1\r\n\r\n"]:
        check(exchange(bad) == b"", bad)
    for forbidden in [b"/../etc/passwd", b"/%2e%2e/x", b"/a/../b", b"/a//b", b"/a/./b",
                      b"/..%2fx", b"/%0a", b"/\xff/.."]:
        answer = exchange(b"GET " + forbidden + b" HTTP/1.1\r\n\r\n")
        check(answer.startswith(b"HTTP/1.1 403 Forbidden\r\n"), (forbidden, answer[:40]))
    # Byte by byte is fine; a silent client is closed after three seconds and holds the next one up
    # for no longer.
    s = connect()
    for byte in b"GET /hello.txt HTTP/1.1\r\n\r\n":
        s.send(bytes([byte]))
    check(read_all(s).endswith(b"hello, guest\n"), "byte by byte")
    begun = time.monotonic()
    silent, behind = connect(), connect()
    behind.sendall(b"GET /hello.txt HTTP/1.1\r\n\r\n")
    check(read_all(behind).endswith(b"hello, guest\n"), "behind a silent client")
    check(2.5 < time.monotonic() - begun < 8, time.monotonic() - begun)
    check(read_all(silent) == b"", "silent client")


def rpci(text):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(LINK + "976")
    s.sendall(packet(number(1, 1), string(2, text)))
    size = struct.unpack(">I", read_exactly(s, 4))[0]
    body = read_exactly(s, size)
    s.close()
    return body


def dial():
    for _ in range(100):
        if b"1 " in rpci(b"guestStore.connect 973"):
            break
        time.sleep(0.05)
    else:
        sys.exit("guestStore.connect is refused")
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(LINK + "973")
    return s


def gone(s):
    return read_all(s) == b""


def lies():
    stranger = socket.socket(socket.AF_UNIX)
    stranger.settimeout(20)
    stranger.connect(LINK + "973")
    check(gone(stranger), "a connection that was not agreed on")
    for port in [b"0", b"1", b"-973", b"x", b"973 973", b"99999999999999999999"]:
        check(b"Invalid argument" in rpci(b"guestStore.connect " + port), port)
    for lie in [b"\xff\xff\xff\xff", b"\0\0\x10\x01", packet(), packet(number(1, 1)),
                packet(number(1, 3)), packet(number(1, 1), number(2, 1)), packet(b"x" * 16),
                packet(number(1, 1), string(2, b"/a"), string(2, b"/b")),
                packet(number(1, 1), struct.pack(">III", 2, 2, 0xFFFFFFFF)),
                packet(number(1, 1), struct.pack(">III", 4, 2, 0xFFFFFFFF)),
                packet(number(1, 1), string(2, b"/" * 4096))]:
        s = dial()
        s.sendall(lie)
        check(gone(s), lie[:40])
    # A path over its limit is forbidden; a request during another one ends the connection.
    s = dial()
    s.sendall(packet(number(1, 1), string(2, b"/" * 1025)))
    check(read_exactly(s, 20) == packet(number(1, 1)), "1025 bytes")
    s.sendall(packet(number(1, 1), string(2, b"/big")) * 2)
    answer = read_all(s)
    check(len(answer) < 20000000, "two requests at once")
    # Nothing is read of the content, and CLOSE is seen all the same.
    s = dial()
    s.sendall(packet(number(1, 1), string(2, b"/big")))
    check(read_exactly(s, 4) == b"\0\0\0\x20", "content")
    s.sendall(packet(number(1, 2)))
    check(len(read_all(s)) < 20000000, "CLOSE in the middle")
    # Fields in reverse order are fine.
    s = dial()
    s.sendall(packet(string(2, b"/hello.txt"), number(1, 1)))
    want = packet(number(1, 0), number(2, 13)) + b"hello, guest\n"
    check(read_exactly(s, len(want)) == want, "reverse order")
    s.close()


def written(pid, size):
    """The process has a regular file open that has no name yet, and at least `size` bytes in it."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            st = os.stat(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            continue
        if stat.S_ISREG(st.st_mode) and st.st_nlink == 0 and st.st_size >= size:
            return True
    return False


def interrupt(path, out):
    """Ends the tool while it has not got an answer, and while content comes; the tool is slowed
    down by an agent in between that passes on little."""
    own = "/run/slow-pipe"
    if os.path.exists(own):
        os.unlink(own)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(own)
    listening.listen()
    for answer in [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
                   b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome"]:
        for number_ in [signal.SIGINT, signal.SIGTERM]:
            process = subprocess.Popen(
                ["vmware-toolbox-cmd", "gueststore", "getcontent", path, out],
                env=dict(os.environ, GUESTSTORE_SOCKET=own), stdout=subprocess.DEVNULL)
            s, _ = listening.accept()
            check(s.recv(4096).startswith(b"GET "), "request")
            s.sendall(answer)
            until = time.monotonic() + 60
            while answer and not written(process.pid, 4 if answer.endswith(b"some") else 0):
                check(time.monotonic() < until, "the output appears")
                time.sleep(0.01)
            process.send_signal(number_)
            check(process.wait(20) == 18, (answer, number_, process.returncode))
            check(not os.path.exists(out), "a partial file stays")
            s.close()


def connections(count):
    """How many clients the agent holds, by its configuration; waited for, as it reads that when it
    is told that the file has changed."""
    until = time.monotonic() + 10
    while True:
        held = [connect() for _ in range(count + 1)]
        time.sleep(0.05)
        closed = []
        for s in held:
            s.setblocking(False)
            try:
                closed.append(s.recv(1) == b"")
            except BlockingIOError:
                closed.append(False)
            s.close()
        if closed == [False] * count + [True]:
            return
        check(time.monotonic() < until, closed)
        time.sleep(0.2)


def main():
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "client":
        client(*arguments)
    elif command == "agent":
        agent()
    elif command == "library":
        library(*arguments)
    elif command == "requests":
        requests()
    elif command == "lies":
        lies()
    elif command == "interrupt":
        interrupt(*arguments)
    elif command == "connections":
        connections(int(arguments[0]))
    else:
        sys.exit("unknown command")


main()
