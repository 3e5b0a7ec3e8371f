#!/usr/bin/env python3
"""Everything a person types explains itself: each program and each sub-command has -h and --help that
print its usage and succeed, each option that they print and each command stands in the manual page,
and each program and each command of inguest in the README.
Usage: help.py SOURCEDIR NAME=PROGRAM... (what is installed; NAME is the name it is called by)"""
import json
import os
import re
import subprocess
import sys
import tempfile

# Started by other programs of ours, never by a person.
HELPERS = {"inguest-disk", "inguest-init", "inguest-launcher", "toolbox-archive", "toolbox-auth",
           "toolbox-exec", "toolbox-roundtrip", "toolbox-worker"}
PAGES = {"inguest": "inguest.1", "vmrun": "vmrun.1", "toolbox": "toolbox.1", "vmtoolsd": "toolbox.1",
         "vmware-rpctool": "toolbox.1", "vmware-toolbox-cmd": "toolbox.1", "toolboxd": "toolboxd.8",
         "inguest-hostd": "inguest-hostd.8", "inguest-vmx": "inguest-vmx.8",
         "inguest-gstored": "inguest-gstored.8"}
# Its -h names a host.
NO_SHORT = {"vmrun"}

source = sys.argv[1]
folder = tempfile.TemporaryDirectory(prefix="ig-help-")
programs = {}
for argument in sys.argv[2:]:
    name, path = argument.split("=", 1)
    programs[name] = os.path.join(folder.name, name)
    os.symlink(os.path.abspath(path), programs[name])
problems = []

# No installed program may be missing from the arguments.
with open(os.path.join(os.environ["INGUEST_BUILDDIR"], "meson-info", "intro-installed.json"),
          encoding="utf-8") as f:
    for built, installed in json.load(f).items():
        name = os.path.basename(installed)
        if re.search(r"/(bin|sbin|libexec/inguest)/", installed) and os.access(built, os.X_OK) \
                and name not in programs and name != "toolboxd-static":
            problems.append(f"{installed} is not tested")


def check(good, text):
    if not good:
        problems.append(text)


def man(page):
    """The text of a page, with options as they are typed and without the names of macros."""
    with open(os.path.join(source, "docs", page), encoding="utf-8") as f:
        text = f.read()
    text = text.replace("\\-", "-").replace("\\&", "")
    text = re.sub(r"\bFl (-*[A-Za-z])", r"-\1", text)
    text = re.sub(r"\b(Cm|Ar|Oo|Oc|Op|Ns|Pq|Ev|Nm|It) ", "", text)
    return text


def stands_in(words, text):
    return re.search(r"(?<![\w-])" + r"[\s,|]+".join(map(re.escape, words)) + r"(?![\w-])", text)


def usage(program, words=()):
    """What --help prints; -h prints the same."""
    texts = []
    for flag in ("--help",) if program in NO_SHORT else ("-h", "--help"):
        line = " ".join((program, *words, flag))
        run = subprocess.run([programs[program], *words, flag], stdin=subprocess.DEVNULL, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
        check(run.returncode == 0, f"{line}: exit status {run.returncode}")
        check(re.match(r"usage:", run.stdout, re.I), f"{line}: no usage on standard output")
        check(run.stderr == "", f"{line}: {run.stderr.strip()} on standard error")
        texts.append(run.stdout)
    check(texts[0] == texts[-1], f"{program} {' '.join(words)}: -h and --help differ")
    page = man(PAGES[program])
    for option in sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", texts[0]))):
        check(option == "--help" or stands_in([option], page) or option == "--version",
              f"{program} {' '.join(words)}: {option} is not in {PAGES[program]}")
    return texts[0]


def commands_of_inguest(text):
    section = text.split("Commands", 1)[1].split("Options:", 1)[0]
    return re.findall(r"^  ([a-z]+) ", section, re.M)


def subcommands(program, command, text):
    """From the lines of a usage: the lower-case words after the command, as tuples."""
    found = []
    for line in re.findall(rf"^(?:usage:|      ) {program} {command} (.*)$", text, re.M):
        words = re.match(r"[a-z|]+(?: [a-z|]+)*(?= |$)", line)
        if words:
            head, *tail = words.group().split()
            found += [(word, *tail) for word in head.split("|")]
    return found


with open(os.path.join(source, "README.md"), encoding="utf-8") as f:
    readme = f.read()
for program in programs:
    if program in HELPERS:
        continue
    if program not in PAGES:
        problems.append(f"{program}: neither a page nor a helper")
        continue
    text = usage(program)
    check(f"`{program}`" in readme or f"{program} " in readme, f"{program} is not in README.md")
    page = man(PAGES[program])
    if program == "inguest":
        commands = commands_of_inguest(text)
        check(len(commands) >= 10, f"only {commands}")
        for command in commands:
            check(f"inguest {command}" in readme, f"inguest {command} is not in README.md")
            below = subcommands(program, command, usage(program, (command,)))
            for words in below:
                check(stands_in([command, *words], page), f"inguest {command} {' '.join(words)} is not in {PAGES[program]}")
                usage(program, (command, *words))
    elif program == "vmrun":
        commands = re.findall(r"^([a-z][A-Za-z]+) {2,}", text, re.M)
        check(len(commands) >= 50, f"vmrun: only {commands}")
        for command in commands:
            check(stands_in([command], page), f"vmrun {command} is not in {PAGES[program]}")
            usage(program, (command,))
    elif program == "toolbox":
        commands = [word for line in re.findall(r"^  ([a-z][a-z-]*(?:, [a-z][a-z-]*)*)", text, re.M)
                    for word in line.split(", ")]
        check(len(commands) >= 10, f"toolbox: only {commands}")
        for command in commands:
            check(stands_in([command], page), f"toolbox {command} is not in {PAGES[program]}")
            for words in subcommands(program, command, usage(program, (command,))):
                check(stands_in([command, *words], page), f"toolbox {command} {' '.join(words)} is not in {PAGES[program]}")
                usage(program, (command, *words))
    elif program == "vmware-toolbox-cmd":
        for words in re.findall(r"^  ([a-z]+(?: [a-z]+)*)(?::| <)", text, re.M):
            command, *rest = words.split()
            check(stands_in([command], page) and (not rest or stands_in(rest[:1], page)),
                  f"{program} {words} is not in {PAGES[program]}")
            usage(program, tuple(words.split()[:2]))
for problem in problems:
    print(problem)
sys.exit(bool(problems))
