#!/usr/bin/env python3
"""Runs inside a guest as root and sends its host everything that a host must survive."""
import os
import random
import socket
import struct
import time

LINK = os.environ.get("TOOLBOX_LINK", "/run/inguest/link")
random.seed(int(os.environ.get("SEED", "1")))


def packet(payload, kind=1, extra=b""):
    body = struct.pack(">IIII", 1, 1, kind, 0)
    if payload is not None:
        body += struct.pack(">III", 2, 2, len(payload)) + payload
    body += extra
    return struct.pack(">I", len(body)) + body


def connect(port):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(f"{LINK}/{port}")
    return s


def connect_patiently(port):
    """A full backlog is said at once; the host has ten seconds to work it off."""
    until = time.monotonic() + 10
    while True:
        try:
            return connect(port)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def ask(payload):
    """One RPCI request; the reply's payload or None when the host hung up."""
    with connect_patiently(976) as s:
        s.sendall(packet(payload))
        head = b""
        while len(head) < 4:
            more = s.recv(4 - len(head))
            if not more:
                return None
            head += more
        (length,) = struct.unpack(">I", head)
        body = b""
        while len(body) < length:
            more = s.recv(length - len(body))
            if not more:
                return None
            body += more
        at = body.find(struct.pack(">II", 2, 2))
        (n,) = struct.unpack(">I", body[at + 8:at + 12])
        return body[at + 12:at + 12 + n]


def throw(port, data):
    try:
        with connect(port) as s:
            s.sendall(data)
            s.settimeout(0.05)
            try:
                s.recv(4096)
            except (socket.timeout, ConnectionError):
                pass
    except (ConnectionError, BrokenPipeError):
        pass


def garbage():
    yield b""
    yield b"\xff" * 4
    yield struct.pack(">I", 0x7FFFFFFF) + b"x" * 100
    yield struct.pack(">I", 0)
    yield packet(b"")
    yield packet(None, 1)
    yield packet(b"info-get x", 77)
    yield packet(b"info-get x", 1, struct.pack(">IIII", 9, 3, 0, 0))
    yield packet(b"info-get x", 1, struct.pack(">III", 3, 7, 0x40000000))
    yield packet(b"info-get x", 1, struct.pack(">IIII", 1, 1, 1, 0))
    yield packet(b"x" * 65537)
    yield packet(b"info-get x")[:-3]
    for _ in range(300):
        yield os.urandom(random.randrange(1, 200))
    for _ in range(300):
        good = bytearray(packet(b"SetGuestInfo  10 " + os.urandom(40)))
        good[random.randrange(len(good))] ^= 1 << random.randrange(8)
        yield bytes(good)


for data in garbage():
    throw(976, data)
    throw(975, data)

bad_commands = [
    b"no-such-command", b"info-get", b"info-set guestinfo.x", b"info-set guestinfo." + b"k" * 60000 + b" v",
    b"info-set displayName owned", b"info-set inguest.machine qemu", b"info-get ../../etc/passwd",
    b"SetGuestInfo", b"SetGuestInfo  999 x", b"SetGuestInfo  10 \xff\xff\xff\xff\xff\xff\xff\xff",
    b"SetGuestInfo  10 " + struct.pack(">II", 3, 1) + b"\x7f\xff\xff\xff" * 10,
    b"SetGuestInfo  1 " + b"h" * 60000, b"tools.set.version", b"tools.set.version x" + b"9" * 100,
    b"tools.capability.", b"log " + b"line\nforged line\r\0" * 100, b"\0\0\0\0", b" ", b"Vix_1_Relayed_Command",
    b"f 1 2 3", b"tools.os.statechange.status 99 99",
]
for command in bad_commands:
    ask(command)

# A second agent that answers the handshake with nonsense, again and again.
for answer in (b"OK ATR toolbox" + b"x" * 5000, b"ERROR", b"", b"OK ATR \xff\xfe", b"OK ATR evil\n"):
    throw(975, packet(answer))

# Many connections at once; the host may refuse some, never all for good.
crowd = []
for _ in range(500):
    try:
        crowd.append(connect(976))
    except OSError:
        break
for s in crowd:
    s.close()

assert ask(b"info-set guestinfo.alive yes")[:1] == b"1"
assert ask(b"info-get guestinfo.alive") == b"1 yes"
print("the host is still there")
