#!/usr/bin/env python3
"""Mounts a FUSE file system on which files can be made and removed, but whose user has used up the quota
after 1 MiB: quota_mount.py PID PATH, in the mount namespace of process PID. Prints "mounted", then serves until
its standard input ends. After that it prints how many files are left."""
import ctypes
import errno
import os
import select
import struct
import sys

CLONE_NEWNS = 0x20000
LIMIT = 1 << 20
LOOKUP, FORGET, GETATTR, SETATTR, MKNOD, UNLINK, OPEN = 1, 2, 3, 4, 8, 10, 14
WRITE, STATFS, RELEASE, FLUSH, INIT, CREATE = 16, 17, 18, 25, 26, 35
ROOT, FILE = 1, 2
libc = ctypes.CDLL(None, use_errno=True)
files = {}  # name to size; all of them are node FILE, one at a time is enough


def check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def attr(node):
    mode, size = (0o40777, 0) if node == ROOT else (0o100600, sum(files.values()))
    return struct.pack("<QQQQQQIIIIIIIIII", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def entry():
    return struct.pack("<QQQQII", FILE, 0, 0, 0, 0, 0) + attr(FILE)


def answer(op, node, body):
    name = body.rstrip(b"\0")
    if op == INIT:
        return struct.pack("<IIIIHHIIHHI", 7, 31, 65536, 0, 16, 12, 65536, 1, 16, 0, 0) + bytes(28)
    if op == GETATTR or op == SETATTR:
        return struct.pack("<QII", 0, 0, 0) + attr(node)
    if op == LOOKUP:
        return entry() if name in files else errno.ENOENT
    if op == CREATE:
        files[body[16:].rstrip(b"\0")] = 0
        return entry() + struct.pack("<QII", 1, 0, 0)
    if op == OPEN:
        return struct.pack("<QII", 1, 0, 0)
    if op == UNLINK:
        return b"" if files.pop(name, None) is not None else errno.ENOENT
    if op == WRITE:
        offset, size = struct.unpack_from("<QI", body, 8)
        if offset + size > LIMIT:
            return errno.EDQUOT
        for f in files:
            files[f] = max(files[f], offset + size)
        return struct.pack("<II", size, 0)
    if op in (FLUSH, RELEASE):
        return b""
    return errno.ENOSYS


def serve(fuse):
    while True:
        ready, _, _ = select.select([fuse, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        request = os.read(fuse, 1 << 20)
        _, op, unique, node = struct.unpack_from("<IIQQ", request)
        if op == FORGET:
            continue
        result = answer(op, node, request[40:])
        error, data = (-result, b"") if isinstance(result, int) else (0, result)
        os.write(fuse, struct.pack("<IiQ", 16 + len(data), error, unique) + data)


fuse = os.open("/dev/fuse", os.O_RDWR)
with open(f"/proc/{sys.argv[1]}/ns/mnt", "rb") as ns:
    check(libc.setns(ns.fileno(), CLONE_NEWNS), "setns")
os.makedirs(sys.argv[2], exist_ok=True)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other"
check(libc.mount(b"quota", sys.argv[2].encode(), b"fuse", 0, options.encode()), "mount")
print("mounted", flush=True)
serve(fuse)
print(len(files), flush=True)
libc.umount2(sys.argv[2].encode(), 2)
