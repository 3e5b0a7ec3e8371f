#!/usr/bin/env python3
"""inguest exec -t as a person at a terminal uses it: `exec_terminal.py INGUEST OPTION...`."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 20


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Terminal:
    def __init__(self, arguments):
        self.master, self.slave = pty.openpty()
        set_size(self.master, 33, 111)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(self.slave, fd)
            os.execv(arguments[0], arguments)

    def read_until(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                sys.exit(f"waited for {text!r}, saw {self.seen!r}")
            self.seen += os.read(self.master, 65536)
        self.seen = self.seen.split(text, 1)[1]

    def type(self, keys):
        os.write(self.master, keys)

    def end(self):
        status = os.waitpid(self.pid, 0)[1]
        after = termios.tcgetattr(self.slave)
        assert after == self.before, "the terminal's mode was not given back"
        return os.waitstatus_to_exitcode(status)


def main():
    inguest = sys.argv[1:]
    t = Terminal(inguest + ["exec", "web"])  # the login shell; a terminal by itself
    t.type(b"stty size; echo $TERM-end\n")
    t.read_until(b"33 111")
    t.read_until(os.environ.get("TERM", "").encode() + b"-end")
    t.type(b"trap 'echo resized $(stty size)' WINCH; echo rea''dy\n")
    t.read_until(b"ready")
    set_size(t.master, 44, 122)
    os.kill(t.pid, signal.SIGWINCH)
    t.type(b"\n")
    t.read_until(b"resized 44 122")
    t.type(b"echo sta''rted; sleep 600; echo code $?\n")
    t.read_until(b"started")
    time.sleep(0.2)  # the shell has to have forked
    t.type(b"\x03")
    t.type(b"\n")
    t.type(b"exit 9\n")
    assert t.end() == 9

    t = Terminal(inguest + ["exec", "-t", "web", "--", "sh", "-c", "echo here; cat; exit 4"])
    t.read_until(b"here")
    t.type(b"line\n\x04")
    assert t.end() == 4


main()
