#!/usr/bin/env python3
"""What one entry of a data set costs: by REST from here, by `vmtoolsd --cmd` in the guest.

Each is measured twice: one entry again and again, and KEYS entries in turn.

usage: datasets.py ADDRESS USER PASSWORD VM_ID COUNT      (REST; makes the data set `bench`)
       datasets.py guest COUNT                            (in the guest)
Prints median and 99th percentile in milliseconds: of one entry, of many, and of an empty request beside
them, which is GET /api/session here, /bin/true there; here also of setting an entry.
"""
import base64
import http.client
import json
import os
import ssl
import sys
import time

KEYS = 1000  # more than anybody keeps in memory


def figures(run, count):
    times = []
    for i in range(count):
        begin = time.perf_counter()
        run(i % KEYS)
        times.append((time.perf_counter() - begin) * 1000)
    times.sort()
    return f'{times[count // 2]:.3f} {times[count * 99 // 100]:.3f}'


class Rest:
    def __init__(self, address, user, password):
        self.connection = http.client.HTTPSConnection(address, context=ssl._create_unverified_context())
        basic = base64.b64encode(f'{user}:{password}'.encode()).decode()
        token = self.ask('POST', '/api/session', None, {'Authorization': 'Basic ' + basic})
        self.headers = {'vmware-api-session-id': json.loads(token), 'Content-Type': 'application/json'}

    def ask(self, verb, path, body=None, headers=None):
        self.connection.request(verb, path, json.dumps(body) if body is not None else None,
                                headers or self.headers)
        response = self.connection.getresponse()
        text = response.read()
        if response.status // 100 != 2:
            raise RuntimeError(f'{response.status}: {text[:500]}')
        return text


def host(address, user, password, vm, count):
    rest = Rest(address, user, password)
    sets = f'/api/vcenter/vm/{vm}/data-sets'
    rest.ask('POST', sets, {'name': 'bench', 'description': '', 'host': 'READ_WRITE', 'guest': 'READ_WRITE'})
    for i in range(KEYS):
        rest.ask('PUT', f'{sets}/bench/entries/key{i}', 'v' * 100)
    print(figures(lambda _: rest.ask('GET', f'{sets}/bench/entries/key0'), count),
          figures(lambda i: rest.ask('GET', f'{sets}/bench/entries/key{i}'), count),
          figures(lambda _: rest.ask('GET', '/api/session'), count),
          figures(lambda i: rest.ask('PUT', f'{sets}/bench/entries/key{i}', 'w' * 100), count // 10))


def spawn(args):
    null = [(os.POSIX_SPAWN_OPEN, 1, '/dev/null', os.O_WRONLY, 0)]
    pid = os.posix_spawn(args[0], args, os.environ, file_actions=null)
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError('failed: ' + ' '.join(args))


def guest(count):
    def get(i):
        spawn(['/run/commands/vmtoolsd', '--cmd',
               'datasets-get-entry {"dataset":"bench","keys":["key%d"]}' % i])

    print(figures(lambda _: get(0), count), figures(get, count),
          figures(lambda _: spawn(['/bin/true']), count))


if sys.argv[1] == 'guest':
    guest(int(sys.argv[2]))
else:
    host(*sys.argv[1:5], int(sys.argv[5]))
