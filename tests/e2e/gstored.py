"""What the tests of gstored share: the daemon itself, run without a host; the two protocols that it
speaks (docs/gueststore.md); and an origin, a web server that can be told to misbehave."""

import array
import hashlib
import http.server
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import urllib.parse

GSTORED = os.environ.get("GSTORED", "build/src/gstored/inguest-gstored")
REQUEST, REPLY = 1, 2
GET, CANCEL, OPENED, PROGRESS, END = 1, 2, 16, 17, 18
TIMEOUT = 60


class Closed(Exception):
    pass


class Channel:
    """One end of base/channel.h."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(TIMEOUT)
        self.data = b""
        self.fds = []

    def send(self, kind, ident, body=b"", fds=()):
        message = struct.pack("<IHHQ", len(body), kind, len(fds), ident) + body
        sent = socket.send_fds(self.sock, [message], list(fds)) if fds else self.sock.send(message)
        if sent < len(message):
            self.sock.sendall(message[sent:])

    def _fill(self, n):
        while len(self.data) < n:
            data, ancillary, _, _ = self.sock.recvmsg(65536, socket.CMSG_SPACE(32 * 4))
            for level, kind, content in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    fds = array.array("i")
                    fds.frombytes(content)
                    self.fds += list(fds)
            if not data:
                raise Closed()
            self.data += data

    def receive(self):
        self._fill(16)
        length, kind, count, ident = struct.unpack("<IHHQ", self.data[:16])
        self._fill(16 + length)
        body = self.data[16 : 16 + length]
        self.data = self.data[16 + length :]
        fds, self.fds = self.fds[:count], self.fds[count:]
        return kind, ident, body, fds

    def close(self):
        self.sock.close()
        for fd in self.fds:
            os.close(fd)
        self.fds = []


class Result:
    def __init__(self):
        self.code = self.text = self.size = self.content = None
        self.opened_at = self.ended_at = None
        self.steps = []


class Vm:
    """vmx's end of a VM's connection."""

    def __init__(self, channel):
        self.channel = channel
        self.next_id = 0

    def ask(self, path, ident=None):
        if ident is None:
            self.next_id += 1
            ident = self.next_id
        self.channel.send(GET, ident, path.encode() if isinstance(path, str) else path)
        return ident

    def get(self, path, on_opened=None, read=True, keep=False):
        """The whole story of one request, as vmx and the guest would see it: content only when END
        says that it is right."""
        ident = self.ask(path)
        result = Result()
        fd = -1
        while True:
            kind, answered, body, fds = self.channel.receive()
            assert answered == ident, (answered, ident)
            if kind == OPENED:
                assert fd < 0 and len(fds) == 1
                fd = fds[0]
                result.size, available = struct.unpack("<QQ", body)
                result.opened_at = time.monotonic()
                result.steps.append(available)
                assert available <= result.size
                if on_opened:
                    on_opened(result)
            elif kind == PROGRESS:
                (available,) = struct.unpack("<Q", body)
                assert fd >= 0 and result.steps[-1] < available <= result.size
                result.steps.append(available)
            elif kind == END:
                result.code = struct.unpack("<i", body[:4])[0]
                result.text = body[4:].decode(errors="replace")
                result.ended_at = time.monotonic()
                break
            else:
                raise AssertionError(kind)
        if result.code == 0 and read:
            result.content = b""
            while len(result.content) < result.size:
                piece = os.pread(fd, 1 << 20, len(result.content))
                assert piece, "the file is shorter than its size"
                result.content += piece
        if keep:
            result.fd = fd
        elif fd >= 0:
            os.close(fd)
        return result

    def close(self):
        self.channel.close()


class Gstored:
    """The daemon, as the supervisor would start it."""

    def __init__(self, folder=None, credentials=None, as_root=False):
        self.folder = folder or tempfile.mkdtemp(prefix="gstored-")
        self.state = os.path.join(self.folder, "state")
        os.makedirs(self.state, exist_ok=True)
        self.path = os.path.join(self.folder, "ctl")
        self.listener = socket.socket(socket.AF_UNIX)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener.bind(self.path)
        self.listener.listen(16)
        self.credentials = credentials
        self.uid = 64118 if os.getuid() == 0 and not as_root else 0
        if self.uid:
            os.chmod(self.folder, 0o711)
            os.chown(self.state, self.uid, self.uid)
        self.process = None
        self.requests = 0
        self.control = None

    def start(self):
        arguments = [GSTORED, "--state", self.state, "--peer-uid", str(os.getuid()),
                     "--parent", str(os.getpid())]
        if self.uid:
            arguments += ["--uid", str(self.uid), "--gid", str(self.uid)]
        keys = -1
        if self.credentials:
            keys = os.open(self.credentials, os.O_RDONLY)
            arguments.append("--credentials")
        listener, log = self.listener.fileno(), open(os.path.join(self.folder, "stderr"), "ab")

        def descriptors():
            a = os.dup2(listener, 103)
            b = os.dup2(keys if keys >= 0 else listener, 104)
            os.dup2(a, 3)
            os.dup2(b, 4)
            os.close(a)
            os.close(b)

        self.process = subprocess.Popen(arguments, close_fds=False, preexec_fn=descriptors,
                                        stdin=subprocess.DEVNULL, stderr=log,
                                        # A confined process cannot look for its leaks.
                                        env={"ASAN_OPTIONS": "detect_leaks=0", **os.environ})
        log.close()
        if keys >= 0:
            os.close(keys)
        return self

    def connect(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.path)
        self.control = Channel(sock)
        return self

    def call(self, op, fds=(), check=True, **arguments):
        self.requests += 1
        text = json.dumps(dict(arguments, op=op)).encode()
        self.control.send(REQUEST, self.requests, struct.pack("<I", len(text)) + text, fds)
        kind, ident, body, _ = self.control.receive()
        assert kind == REPLY and ident == self.requests
        answer = json.loads(body[4 : 4 + struct.unpack("<I", body[:4])[0]])
        if check:
            assert "result" in answer, answer
            return answer["result"]
        return answer

    def up(self, **settings):
        self.start().connect()
        settings.setdefault("revision", 1)
        self.call("configure", **settings)
        return self

    def vm(self, name, **rules):
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        self.call("attach", fds=[theirs.fileno()], vm=name, **rules)
        theirs.close()
        return Vm(Channel(ours))

    def status(self):
        return self.call("status")

    def log(self):
        with open(os.path.join(self.state, "gstored.log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def stderr(self):
        with open(os.path.join(self.folder, "stderr"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def memory(self):
        """Resident KiB, most so far."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith("VmHWM"):
                    return int(line.split()[1])
        return 0

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        if self.control:
            self.control.close()

    def stop(self):
        if self.control:
            self.control.close()
        self.process.terminate()
        code = self.process.wait(20)
        assert code == 0, (code, self.stderr())
        assert "Sanitizer" not in self.stderr(), self.stderr()


class Origin:
    """A web server over a dictionary of contents. What it is told to do wrong it does once, or as
    long as it is told so:

    stop_after   bytes after which the connection breaks
    gate         an Event; the second half of a body waits for it
    chunked      no Content-Length
    validators   whether ETag is sent
    """

    def __init__(self, tls=None):
        self.contents = {}
        self.versions = {}
        self.requests = []
        self.bodies = 0
        self.validators, self.chunked = True, False
        self.stop_after = None
        self.gate = None
        self.redirect = {}
        self.headers = {}
        self.started = threading.Semaphore(0)
        self.connections = set()
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                origin.connections.add(self.connection)

            def finish(self):
                origin.connections.discard(self.connection)
                super().finish()

            def log_message(self, *args):
                pass

            def do_HEAD(self):
                origin.answer(self, False)

            def do_GET(self):
                origin.answer(self, True)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def put(self, path, content):
        self.contents[path] = content
        self.versions[path] = self.versions.get(path, 0) + 1

    def etag(self, path):
        return f'"{self.versions[path]}-{len(self.contents[path])}"'

    def answer(self, h, body):
        path = urllib.parse.unquote_to_bytes(h.path).decode("latin-1")
        self.requests.append((h.command, h.path))
        if path in self.redirect:
            h.send_response(302)
            h.send_header("Location", self.redirect[path])
            h.send_header("Content-Length", "0")
            h.end_headers()
            return
        if path not in self.contents:
            h.send_response(404)
            h.send_header("Content-Length", "4")
            h.end_headers()
            if body:
                h.wfile.write(b"none")
            return
        content, etag = self.contents[path], self.etag(path)
        if self.validators and h.headers.get("If-None-Match") == etag:
            h.send_response(304)
            h.send_header("ETag", etag)
            h.end_headers()
            return
        h.send_response(200)
        if self.validators:
            h.send_header("ETag", etag)
        for name, value in self.headers.items():
            h.send_header(name, value)
        if self.chunked:
            h.send_header("Transfer-Encoding", "chunked")
        else:
            h.send_header("Content-Length", str(len(content)))
        h.end_headers()
        if body:
            self.bodies += 1
            self.send(h, content, path)

    def send(self, h, content, path):
        half = len(content) // 2
        for at in range(0, len(content), 65536):
            piece = content[at : at + 65536]
            if at >= half and self.gate:
                h.wfile.flush()
                self.started.release()
                self.gate.wait(TIMEOUT)
                piece = self.contents[path][at : at + 65536]  # it may have been written over
                half = len(content)
            if self.stop_after is not None and at + len(piece) > self.stop_after:
                h.wfile.write(piece[: max(0, self.stop_after - at)])
                h.wfile.flush()
                h.connection.shutdown(socket.SHUT_RDWR)
                h.close_connection = True
                return
            if self.chunked:
                h.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            else:
                h.wfile.write(piece)
        if self.chunked:
            h.wfile.write(b"0\r\n\r\n")

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def noise(n, seed=1):
    """n bytes that repeat nowhere."""
    out = bytearray()
    i = 0
    while len(out) < n:
        out += hashlib.sha256(b"%d-%d" % (seed, i)).digest() * 64
        i += 1
    return bytes(out[:n])
