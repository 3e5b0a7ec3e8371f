#!/usr/bin/env python3
"""Writes entries of a data set by REST, without end, and notes every one that was acknowledged.

usage: datasets_writer.py BASE VM DATASET PASSWORD LOG
Lines of LOG: "begun KEY N" before a request is sent, "done KEY N" after the host has answered 204. On any
failure it logs in again.
"""
import base64
import http.client
import json
import ssl
import sys
import time

base, vm, dataset, password, log = sys.argv[1:]
context = ssl._create_unverified_context()
out = open(log, 'a', buffering=1)
n = 0


def connect():
    c = http.client.HTTPSConnection(base.split('//')[1], context=context, timeout=20)
    c.request('POST', '/api/session', headers={
        'Authorization': 'Basic ' + base64.b64encode(b'tester:' + password.encode()).decode()})
    r = c.getresponse()
    token = json.loads(r.read())
    return c, {'vmware-api-session-id': token, 'Content-Type': 'application/json'}


while True:
    try:
        c, headers = connect()
        while True:
            key, value = f'k{n % 50}', f'{n}-' + 'x' * (n * 37 % 5000) + '-end'
            # Begun: it may be there or not until it is answered.
            out.write(f'begun {key} {n}\n')
            c.request('PUT', f'/api/vcenter/vm/{vm}/data-sets/{dataset}/entries/{key}', json.dumps(value), headers)
            r = c.getresponse()
            r.read()
            if r.status == 204:
                out.write(f'done {key} {n}\n')
            elif r.status == 401:
                raise ConnectionError
            n += 1
    except (OSError, http.client.HTTPException, ValueError, TypeError):
        time.sleep(0.02)
        n += 1
