#!/usr/bin/env python3
"""A minimal SOAP client for the benches: raw requests over one kept-alive HTTPS connection, so that
the client's own cost stays small beside what it measures."""
import html
import http.client
import re
import ssl
import sys
import time
import urllib.request

ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope'
    ' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soapenv:Body>%s</soapenv:Body></soapenv:Envelope>'
)


class Host:
    def __init__(self, address):
        self.address = address
        self.context = ssl._create_unverified_context()
        self.connection = http.client.HTTPSConnection(address, context=self.context, timeout=60)
        self.cookie = None

    def request(self, body):
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"urn:vim25/8.0.1.0"'}
        if self.cookie:
            headers["Cookie"] = self.cookie
        self.connection.request("POST", "/sdk", ENVELOPE % body, headers)
        response = self.connection.getresponse()
        text = response.read().decode()
        if response.getheader("Set-Cookie"):
            self.cookie = response.getheader("Set-Cookie").split(";")[0]
        if response.status != 200:
            raise RuntimeError(f"{response.status}: {text[:2000]}")
        return text

    def call(self, method, this_type, this, params=""):
        return self.request(
            f'<{method} xmlns="urn:vim25"><_this type="{this_type}">{this}</_this>{params}</{method}>'
        )

    def login(self, user, password):
        content = self.call("RetrieveServiceContent", "ServiceInstance", "ServiceInstance")
        self.content = {
            m.group(1): m.group(3)
            for m in re.finditer(r'<(\w+) type="(\w+)"[^>]*>([^<]+)</\1>', content)
        }
        self.call(
            "Login", "SessionManager", self.content["sessionManager"],
            f"<userName>{html.escape(user)}</userName><password>{html.escape(password)}</password>",
        )

    def managers(self):
        text = self.property("GuestOperationsManager", self.content["guestOperationsManager"],
                             ["fileManager", "processManager"])
        return {m.group(1): m.group(2)
                for m in re.finditer(r'type="Guest(File|Process)Manager"[^>]*>([^<]+)<', text)}

    def property(self, type_, ref, paths):
        path_set = "".join(f"<pathSet>{p}</pathSet>" for p in paths)
        return self.call(
            "RetrievePropertiesEx", "PropertyCollector", self.content["propertyCollector"],
            f"<specSet><propSet><type>{type_}</type>{path_set}</propSet>"
            f'<objectSet><obj type="{type_}">{ref}</obj></objectSet></specSet><options></options>',
        )

    def find_vm(self, name):
        text = self.call("FindByInventoryPath", "SearchIndex", self.content["searchIndex"],
                         f"<inventoryPath>ha-datacenter/vm/{name}</inventoryPath>")
        return re.search(r'type="VirtualMachine"[^>]*>([^<]+)<', text).group(1)


AUTH = ('<auth xsi:type="NamePasswordAuthentication"><interactiveSession>false</interactiveSession>'
        "<username>{}</username><password>{}</password></auth>")


def guest_calls(host, vm, user, password, count):
    """Times of one ListFiles and of one StartProgram followed until its exit code is there."""
    auth = AUTH.format(html.escape(user), html.escape(password))
    ref = f'<vm type="VirtualMachine">{vm}</vm>'
    managers = host.managers()
    lists, runs, empties = [], [], []
    for i in range(count + 5):
        start = time.perf_counter()
        host.call("CurrentTime", "ServiceInstance", "ServiceInstance")
        empty = time.perf_counter() - start
        start = time.perf_counter()
        host.call("ListFilesInGuest", "GuestFileManager", managers["File"],
                  f"{ref}{auth}<filePath>/usr</filePath>")
        listed = time.perf_counter() - start
        start = time.perf_counter()
        text = host.call(
            "StartProgramInGuest", "GuestProcessManager", managers["Process"],
            f'{ref}{auth}<spec xsi:type="GuestProgramSpec"><programPath>/bin/true</programPath>'
            "<arguments></arguments></spec>")
        pid = re.search(r"<returnval>(\d+)<", text).group(1)
        while True:
            text = host.call("ListProcessesInGuest", "GuestProcessManager", managers["Process"],
                             f"{ref}{auth}<pids>{pid}</pids>")
            if "<exitCode>" in text:
                break
        ran = time.perf_counter() - start
        if i >= 5:
            empties.append(empty)
            lists.append(listed)
            runs.append(ran)
    return empties, lists, runs


def run_ms(host, vm, user, password, script):
    """Milliseconds that a shell script took in the guest, by the guest's own clock."""
    auth = AUTH.format(html.escape(user), html.escape(password))
    ref = f'<vm type="VirtualMachine">{vm}</vm>'
    manager = host.managers()["Process"]
    whole = (f"-c 'a=$(date +%s%N); {script}; b=$(date +%s%N);"
             " echo $(( (b - a) / 1000 )) >/tmp/bench-us'")
    text = host.call(
        "StartProgramInGuest", "GuestProcessManager", manager,
        f'{ref}{auth}<spec xsi:type="GuestProgramSpec"><programPath>/bin/sh</programPath>'
        f"<arguments>{html.escape(whole)}</arguments></spec>")
    pid = re.search(r"<returnval>(\d+)<", text).group(1)
    while "<exitCode>" not in host.call("ListProcessesInGuest", "GuestProcessManager", manager,
                                        f"{ref}{auth}<pids>{pid}</pids>"):
        time.sleep(0.05)
    url = transfer_url(host, vm, user, password, "/tmp/bench-us")
    with urllib.request.urlopen(url, context=host.context) as answer:
        return int(answer.read()) / 1000


def transfer_url(host, vm, user, password, path, size=None):
    auth = AUTH.format(html.escape(user), html.escape(password))
    ref = f'<vm type="VirtualMachine">{vm}</vm>'
    manager = host.managers()["File"]
    if size is None:
        text = host.call("InitiateFileTransferFromGuest", "GuestFileManager", manager,
                         f"{ref}{auth}<guestFilePath>{path}</guestFilePath>")
        url = re.search(r"<url>([^<]+)<", text).group(1)
    else:
        text = host.call(
            "InitiateFileTransferToGuest", "GuestFileManager", manager,
            f'{ref}{auth}<guestFilePath>{path}</guestFilePath><fileAttributes'
            f' xsi:type="GuestPosixFileAttributes"/><fileSize>{size}</fileSize><overwrite>true</overwrite>')
        url = re.search(r"<returnval[^>]*>([^<]+)<", text).group(1)
    return html.unescape(url).replace("*", host.address.split(":")[0])


def median_ms(values):
    return sorted(values)[len(values) // 2] * 1000


def main():
    address, user, password, vm_name, guest_user, guest_password, what, *rest = sys.argv[1:]
    host = Host(address)
    host.login(user, password)
    vm = host.find_vm(vm_name)
    if what == "latency":
        empties, lists, runs = guest_calls(host, vm, guest_user, guest_password, int(rest[0]))
        print(f"{median_ms(empties):.3f} {median_ms(lists):.3f} {median_ms(runs):.3f}")
    elif what == "url":
        print(transfer_url(host, vm, guest_user, guest_password, rest[0],
                           int(rest[1]) if len(rest) > 1 else None))
    elif what == "run":
        print(f"{run_ms(host, vm, guest_user, guest_password, rest[0]):.1f}")
    elif what == "wrk":
        # A wrk script that posts one request with this session's cookie; the session stays.
        body = ENVELOPE % {
            "content": '<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">'
                       "ServiceInstance</_this></RetrieveServiceContent>",
            "guest": '<RetrievePropertiesEx xmlns="urn:vim25"><_this type="PropertyCollector">'
                     f'{host.content["propertyCollector"]}</_this><specSet><propSet>'
                     "<type>VirtualMachine</type><pathSet>guest</pathSet></propSet><objectSet>"
                     f'<obj type="VirtualMachine">{vm}</obj></objectSet></specSet><options></options>'
                     "</RetrievePropertiesEx>",
        }[rest[0]]
        print(f"wrk.method = 'POST'\nwrk.path = '/sdk'\nwrk.body = [==[{body}]==]\n"
              "wrk.headers['Content-Type'] = 'text/xml; charset=utf-8'\n"
              "wrk.headers['SOAPAction'] = '\"urn:vim25/8.0.1.0\"'\n"
              f"wrk.headers['Cookie'] = '{host.cookie}'")


if __name__ == "__main__":
    main()
