#!/usr/bin/env python3
"""Runs a service as its unit file says, where no systemd is process 1, and a command once it is ready.

    run-as-service.py UNIT COMMAND...

The service gets the unit's user, directory, environment and socket of the service manager, without any right of root's, and sees
every file system read-only but its own directory and a /tmp of its own. It must say that it is ready and works, then COMMAND
must succeed, then it must say that it stops, and end well. Seccomp filters are systemd's alone and are not tried.
"""

import os
import pwd
import shlex
import signal
import socket
import subprocess
import sys
import tempfile

WATCHDOG_USEC = 400_000
# What never comes is given up after this, in seconds.
PATIENCE = 60


def fail(words):
    sys.exit(f"run-as-service: {words}")


def read_unit(path):
    """The settings of [Service]: a list of values for each name, in order."""
    settings = {}
    section = None
    with open(path, encoding="utf-8") as unit:
        for line in map(str.strip, unit):
            if line.startswith("[") and line.endswith("]"):
                section = line[1:-1]
            elif section == "Service" and "=" in line and not line.startswith("#"):
                name, value = line.split("=", 1)
                settings.setdefault(name, []).append(value)
    return settings


def environment(settings, state):
    """Environment=, then the files of EnvironmentFile=, which go before it."""
    found = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "STATE_DIRECTORY": state}
    for assignment in settings.get("Environment", []):
        name, value = assignment.split("=", 1)
        found[name] = value.replace("%H", socket.gethostname())
    for file in settings.get("EnvironmentFile", []):
        file = file.removeprefix("-")
        if not os.path.exists(file):
            continue
        with open(file, encoding="utf-8") as lines:
            for line in map(str.strip, lines):
                if line and not line.startswith("#"):
                    name, value = line.split("=", 1)
                    found[name] = value
    return found


def command_line(settings, user, state):
    """In a mount namespace of its own, where this machine allows one."""
    program = shlex.split(settings["ExecStart"][-1])
    as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--no-new-privs"]
    as_user += ["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", *program]
    strict = (
        'mount --make-rprivate / && mount -t tmpfs tmpfs /tmp && mount --bind "$1" "$1" && mount -o remount,bind,ro / && '
        'mount -o remount,bind,rw "$1" && cd "$1" && shift && exec "$@"'
    )
    try_out = ["unshare", "--mount", "sh", "-c", strict, "sh", state]
    if subprocess.run([*try_out, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        return [*try_out, *as_user]
    print("run-as-service: this machine makes no mount namespaces; files are as they are", file=sys.stderr)
    return as_user


def main():
    unit, *command = sys.argv[1:]
    settings = read_unit(unit)
    user = settings["User"][-1]
    state = f"/var/lib/{settings['StateDirectory'][-1]}"
    owner = pwd.getpwnam(user)
    os.makedirs(state, mode=0o700, exist_ok=True)
    os.chown(state, owner.pw_uid, owner.pw_gid)
    if settings["Type"] != ["notify"]:
        fail("the unit is not of Type=notify")

    # Below the directory of the service, which is the one place that it sees as it is.
    with tempfile.TemporaryDirectory(prefix=".manager-", dir=state) as folder:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        path = os.path.join(folder, "notify")
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(path)
        os.chown(path, owner.pw_uid, owner.pw_gid)
        manager.settimeout(PATIENCE)

        def hears(line):
            """Waits for a message with this line."""
            while True:
                try:
                    message = manager.recv(4096).decode()
                except TimeoutError:
                    fail(f"the service never said {line}")
                if line in message.splitlines():
                    return

        told = environment(settings, state)
        told |= {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": str(WATCHDOG_USEC)}
        service = subprocess.Popen(command_line(settings, user, state), env=told, cwd=state, umask=0o077)
        try:
            hears("READY=1")
            hears("WATCHDOG=1")
            done = subprocess.run(command, check=False).returncode
            service.send_signal(signal.SIGTERM)
            hears("STOPPING=1")
            ended = service.wait(PATIENCE)
        finally:
            service.kill()
    if done != 0:
        fail(f"the command ended with {done}")
    if ended != 0:
        fail(f"the service ended with {ended}")


main()
