#!/usr/bin/env python3
"""The data sets of a VM, by REST: shows them whole, or brings them into a known state.

usage: datasets_of.py ADDRESS TOKEN VM sets|before|change
    sets    prints all of them, with attributes and entries, as one line of JSON that can be compared
    before  removes what is there and makes four, which the tests begin with
    change  does something of every kind to those four
"""
import http.client
import json
import ssl
import sys

address, token, name, what = sys.argv[1:]
connection = http.client.HTTPSConnection(address, context=ssl._create_unverified_context(), timeout=30)


def rest(expected, method, path, body=None):
    connection.request(method, '/api/vcenter/vm' + path, None if body is None else json.dumps(body),
                       {'vmware-api-session-id': token, 'Content-Type': 'application/json'})
    reply = connection.getresponse()
    text = reply.read()
    if reply.status != expected:
        sys.exit(f'{method} {path}: {reply.status}, not {expected}: {text[:500]}')
    return json.loads(text) if text else None


def make(name, guest='READ_WRITE', omit=False):
    rest(201, 'POST', SETS, {'name': name, 'description': f'about {name}', 'host': 'READ_WRITE', 'guest': guest,
                             'omit_from_snapshot_and_clone': omit})


def put(name, key, value):
    rest(204, 'PUT', f'{SETS}/{name}/entries/{key}', value)


def listed():
    return sorted(s['name'] for s in rest(200, 'GET', SETS))


def sets():
    every = []
    for name in listed():
        one = rest(200, 'GET', f'{SETS}/{name}')
        keys = rest(200, 'GET', f'{SETS}/{name}/entries')
        one['entries'] = {k: rest(200, 'GET', f'{SETS}/{name}/entries/{k}') for k in keys}
        every.append(one)
    print(json.dumps(every, sort_keys=True, separators=(',', ':')))


def before():
    for name in listed():
        rest(204, 'DELETE', f'{SETS}/{name}?force=true')
    make('kept')
    put('kept', 'k', 'before')
    put('kept', 'k2', 'also')
    make('readonly', guest='READ_ONLY')
    put('readonly', 'r', '1')
    make('empty', guest='NONE')
    make('omitted', omit=True)
    put('omitted', 'o', 'secret')


def change():
    put('kept', 'k', 'after')
    put('kept', 'more', 'x')
    rest(204, 'DELETE', f'{SETS}/kept/entries/k2')
    rest(204, 'PATCH', f'{SETS}/readonly', {'guest': 'NONE', 'host': 'READ_ONLY', 'description': 'changed'})
    rest(204, 'DELETE', f'{SETS}/empty')
    make('later')
    put('later', 'l', '1')
    put('omitted', 'o', 'changed')


found = rest(200, 'GET', f'?names={name}')
if len(found) != 1:
    sys.exit(f'{len(found)} VMs are named {name}')
SETS = f'/{found[0]["vm"]}/data-sets'
{'sets': sets, 'before': before, 'change': change}[what]()
