#!/usr/bin/env python3
"""clang-tidy over the sources named on the command line, as many at once as there are processors.

A file that passed is not looked at again until what the compiler sees of it (headers and flags
included) or the configuration changes. Usage: tidy.py BUILDDIR FILE...
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys


def preprocessed(entry):
    """What the compiler sees: the output of the entry's command with -E instead of -c."""
    words = shlex.split(entry["command"])
    for option, operands in (("-o", 1), ("-MF", 1), ("-MQ", 1), ("-MD", 0), ("-c", 0)):
        while option in words:
            at = words.index(option)
            del words[at : at + 1 + operands]
    return subprocess.run(words + ["-E"], cwd=entry["directory"], check=True,
                          stdout=subprocess.PIPE).stdout


def check(build, salt, stamps, name, entry):
    """Returns what clang-tidy has to say about one file, or nothing."""
    key = hashlib.sha256(salt + entry["command"].encode() + preprocessed(entry)).hexdigest()
    stamp = stamps / name.replace("/", "_")
    if stamp.exists() and stamp.read_text() == key:
        return ""
    done = subprocess.run(["clang-tidy", "--quiet", "-p", build, name], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == 0:
        stamp.write_text(key)
        return ""
    return done.stdout or done.stderr


def main():
    build, names = sys.argv[1], sys.argv[2:]
    version = subprocess.run(["clang-tidy", "--version"], stdout=subprocess.PIPE, check=True).stdout
    salt = version + pathlib.Path(".clang-tidy").read_bytes()
    stamps = pathlib.Path(build) / "tidy"
    stamps.mkdir(exist_ok=True)
    entries = {}
    for entry in json.loads((pathlib.Path(build) / "compile_commands.json").read_text()):
        entries.setdefault(os.path.realpath(os.path.join(entry["directory"], entry["file"])), entry)
    known = [(name, entries.get(os.path.realpath(name))) for name in names]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(check, build, salt, stamps, name, entry)
                for name, entry in known if entry]
        for job in jobs:
            said = job.result()
            if said:
                failed += 1
                print(said, flush=True)
    for name, entry in known:
        if not entry:
            print(f"{name} is not built: nothing was checked", file=sys.stderr)
    if failed:
        sys.exit(f"clang-tidy has something to say about {failed} of {len(jobs)} files")


main()
