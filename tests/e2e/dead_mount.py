#!/usr/bin/env python3
"""Mounts a FUSE file system that never answers. dead_mount.py PID PATH: at PATH in the mount namespace of
process PID. Prints "mounted", then holds it until its standard input ends."""
import ctypes
import os
import sys

CLONE_NEWNS = 0x20000
libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


fuse = os.open("/dev/fuse", os.O_RDWR)
with open(f"/proc/{sys.argv[1]}/ns/mnt", "rb") as ns:
    check(libc.setns(ns.fileno(), CLONE_NEWNS), "setns")
os.makedirs(sys.argv[2], exist_ok=True)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other"
check(libc.mount(b"dead", sys.argv[2].encode(), b"fuse", 0, options.encode()), "mount")
print("mounted", flush=True)
sys.stdin.read()
libc.umount2(sys.argv[2].encode(), 2)
