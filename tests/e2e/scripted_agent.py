#!/usr/bin/env python3
"""An agent that does what its caller's guest user name says. Runs in a sandbox VM as root, in the
place of toolboxd, which it stops.

vix-N: every guest operation ends with VIX error N. gone: the agent goes away instead of answering.
garbage: its answer is none. reused: each time that it is asked process 4711 runs, and is another one."""
import base64
import itertools
import os
import signal
import socket
import struct

LINK = os.environ.get("TOOLBOX_LINK", "/run/inguest/link")
TOOLS_STATE = 62
BOOL = 3
STARTS = itertools.count(1700000000, 60)
CALLS = [*range(4540, 4544), *range(4547, 4558)]


def stop_the_other_agent():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
                if f.read().strip() == "toolboxd":
                    os.kill(int(pid), signal.SIGSTOP)
        except FileNotFoundError:
            pass


def packet(payload):
    body = struct.pack(">IIII", 1, 1, 1, 0) + struct.pack(">III", 2, 2, len(payload)) + payload
    return struct.pack(">I", len(body)) + body


def read_exactly(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def read_request(s):
    body = read_exactly(s, struct.unpack(">I", read_exactly(s, 4))[0])
    at = body.find(struct.pack(">II", 2, 2))
    n = struct.unpack(">I", body[at + 8:at + 12])[0]
    return body[at + 12:at + 12 + n]


def tools_state():
    flags = b"".join(struct.pack("<iiIB", i, BOOL, 1, 1) for i in CALLS)
    return b"OK 0 0 " + base64.b64encode(flags)


def relayed(request):
    message = request[request.index(b"\0") + 1:]
    body_length, credential_length = struct.unpack_from("<II", message, 14)
    opcode, = struct.unpack_from("<I", message, 23)
    if opcode == TOOLS_STATE:
        return tools_state()
    credential = message[51 + body_length:51 + body_length + credential_length]
    name = base64.b64decode(credential[8:-1]).split(b"\0")[0].decode()
    if name == "gone":
        return None
    if name == "garbage":
        return b"OK what is this"
    if name == "reused":
        return (b"OK 0 0 <proc><cmd>x</cmd><name>x</name><pid>4711</pid><user>root</user><start>%d</start>"
                b"<eCode>0</eCode><eTime>0</eTime></proc>" % next(STARTS))
    return b"OK %d 0 " % int(name.removeprefix("vix-"))


def serve(s):
    while True:
        request = read_request(s)
        if request.startswith(b"reset"):
            answer = b"OK ATR toolbox"
        elif request.startswith(b"Vix_1_Relayed_Command"):
            answer = relayed(request)
        else:
            answer = b"OK "
        if answer is None:
            return
        s.sendall(packet(answer))


stop_the_other_agent()
while True:
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(f"{LINK}/975")
            serve(link)
    except ConnectionError:
        pass
