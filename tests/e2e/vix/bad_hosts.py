#!/usr/bin/env python3
"""Servers that are no vSphere host: one that never speaks, one that speaks no TLS, one whose every answer is
404. Usage: bad_hosts.py FOLDER (gets `ports` and `cert.pem`); ends with SIGTERM."""
import ctypes
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading

folder = sys.argv[1]
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: a test that fails leaves nobody behind
subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"],
               check=True, capture_output=True)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
kept = []


def mute(connection):
    kept.append(connection)


def plain(connection):
    connection.recv(1)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4)
    connection.close()


def other(connection):
    try:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(65536)
            tls.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    except OSError:
        pass


def serve(listener, handler):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=handler, args=[connection], daemon=True).start()


ports = []
for handler in (mute, plain, other):
    listener = socket.create_server(("localhost", 0) if handler is other else ("127.0.0.1", 0))
    ports.append(str(listener.getsockname()[1]))
    threading.Thread(target=serve, args=[listener, handler], daemon=True).start()
with open(f"{folder}/ports.new", "w", encoding="utf-8") as f:
    f.write(" ".join(ports) + "\n")
os.rename(f"{folder}/ports.new", f"{folder}/ports")
threading.Event().wait()
