#!/usr/bin/env python3
"""Stands between a client and a host, and behaves like other ones. A port for each kind:
    plain    passes everything on
    vcenter  has no WaitForProcessInGuest, in vCenter's words
    esx      has none either, in other words
    hasty    waits for a program a second at most, whatever it is asked
    stalls   falls silent after the login
    breaks   closes the connection after the login
Usage: other_host.py ADDRESS FOLDER (gets `ports`, `cert.pem`, and the names of the methods that were called
in `calls-KIND`); ends with SIGTERM."""
import ctypes
import http.client
import http.server
import os
import re
import signal
import ssl
import subprocess
import sys
import threading

address, folder = sys.argv[1:3]
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: a test that fails leaves nobody behind
subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"],
               check=True, capture_output=True)
server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server_side.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
client_side = ssl._create_unverified_context()

FAULT = """<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><soapenv:Fault><faultcode>ServerFaultCode</faultcode>
<faultstring>%s</faultstring><detail>%s</detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>"""
UNKNOWN = {
    "vcenter": FAULT % ("Unable to resolve WSDL method name WaitForProcessInGuest for vim.vm.guest.ProcessManager",
                        '<InvalidRequestFault xmlns="urn:vim25" xsi:type="InvalidRequest"></InvalidRequestFault>'),
    "esx": FAULT % ("Method not found", '<MethodNotFoundFault xmlns="urn:vim25" xsi:type="MethodNotFound"><receiver '
                    'type="GuestProcessManager">x</receiver><method>WaitForProcessInGuest</method></MethodNotFoundFault>'),
}


class Relay(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kind = ""

    def log_message(self, *args):
        pass

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            if name.lower() in ("content-type", "set-cookie"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        method = re.search(rb"Body>\s*<(?:\w+:)?(\w+)", body).group(1).decode()
        with open(f"{folder}/calls-{self.kind}", "a", encoding="utf-8") as calls:
            calls.write(method + "\n")
        if method not in ("RetrieveServiceContent", "Login"):
            if self.kind == "stalls":
                threading.Event().wait()
            if self.kind == "breaks":
                self.close_connection = True
                return
        if method == "WaitForProcessInGuest" and self.kind in UNKNOWN:
            self.answer(500, [("Content-Type", "text/xml")], UNKNOWN[self.kind].encode())
            return
        if self.kind == "hasty":
            body = re.sub(rb"<seconds>\d+</seconds>", b"<seconds>1</seconds>", body)
        host = http.client.HTTPSConnection(address, context=client_side)
        host.request("POST", self.path, body, {n: v for n, v in self.headers.items() if n.lower() not in ("host", "content-length")})
        got = host.getresponse()
        self.answer(got.status, got.getheaders(), got.read())
        host.close()


ports = []
for kind in ("plain", "vcenter", "esx", "hasty", "stalls", "breaks"):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type(kind, (Relay,), {"kind": kind}))
    server.daemon_threads = True
    # The handshake belongs to the connection's own thread.
    server.socket = server_side.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    ports.append(str(server.server_address[1]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
with open(f"{folder}/ports.new", "w", encoding="utf-8") as f:
    f.write(" ".join(ports) + "\n")
os.rename(f"{folder}/ports.new", f"{folder}/ports")
threading.Event().wait()
