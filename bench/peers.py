"""Collects every device of an inventory with a peer of ours, and prints one line of JSON: how many texts came, in how
many seconds, with how much memory at most.

    peers.py nornir|scrapli INVENTORY.csv AT_ONCE

The same commands as ours sends to an IOS device; the login and the enable password are the simulator's.
"""

import asyncio
import csv
import json
import logging
import re
import resource
import sys
import time

USER, PASSWORD, ENABLE = "admin", "admin", "admin"
COMMANDS = ["show version", "show running-config", "show startup-config"]
END = "\nend"


def devices(path):
    with open(path, newline="") as file:
        return [(row["ip"], int(row.get("port") or 22)) for row in csv.DictReader(file)]


def is_whole(text):
    return text.rstrip().endswith(END)


def by_nornir(found, at_once):
    """Nornir's threads, each with a netmiko connection in its fast mode."""
    from nornir.core import Nornir
    from nornir.core.inventory import ConnectionOptions, Defaults, Groups, Host, Hosts, Inventory
    from nornir.core.plugins.connections import ConnectionPluginRegister
    from nornir.plugins.runners import ThreadedRunner
    from nornir_netmiko.tasks import netmiko_send_command

    ConnectionPluginRegister.auto_register()
    extras = {"fast_cli": True, "secret": ENABLE}
    hosts = Hosts()
    for address, port in found:
        options = ConnectionOptions(
            hostname=address, port=port, username=USER, password=PASSWORD, platform="cisco_ios", extras=extras
        )
        hosts[f"{address}:{port}"] = Host(
            name=f"{address}:{port}", hostname=address, connection_options={"netmiko": options}
        )
    inventory = Inventory(hosts=hosts, groups=Groups(), defaults=Defaults())
    nornir = Nornir(inventory=inventory, runner=ThreadedRunner(num_workers=at_once))

    def collect(task):
        connection = task.host.get_connection("netmiko", task.nornir.config)
        if not connection.check_enable_mode():
            connection.enable()
        text = ""
        for command in COMMANDS:
            answer = task.run(netmiko_send_command, command_string=command, read_timeout=120).result
            text = answer if command == "show running-config" else text
        task.host.close_connection("netmiko")
        return is_whole(text)

    results = nornir.run(task=collect)
    return sum(1 for result in results.values() if not result.failed and result[0].result)


def by_scrapli(found, at_once):
    """Scrapli's asynchronous driver over asyncssh."""
    from scrapli.driver.core import AsyncIOSXEDriver

    slots = asyncio.Semaphore(at_once)

    async def collect(address, port):
        async with slots:
            connection = AsyncIOSXEDriver(
                host=address,
                port=port,
                auth_username=USER,
                auth_password=PASSWORD,
                auth_secondary=ENABLE,
                auth_strict_key=False,
                transport="asyncssh",
                timeout_socket=60,
                timeout_transport=120,
                timeout_ops=120,
            )
            try:
                await connection.open()
                texts = [(await connection.send_command(command)).result for command in COMMANDS]
                await connection.close()
                return is_whole(texts[1])
            except Exception as error:  # one device's failure is that device's alone
                print(f"{address}: {error}", file=sys.stderr)
                return False

    async def all_of_them():
        return sum(await asyncio.gather(*(collect(address, port) for address, port in found)))

    return asyncio.run(all_of_them())


def peak_bytes():
    """The most memory that this process had. The figure of getrusage would count its parent's, from before exec."""
    with open("/proc/self/status") as status:
        return int(re.search(r"^VmHWM:\s+(\d+) kB", status.read(), re.MULTILINE).group(1)) * 1024


def main():
    tool, inventory, at_once = sys.argv[1], sys.argv[2], int(sys.argv[3])
    logging.disable(logging.CRITICAL)
    found = devices(inventory)
    began = time.perf_counter()
    good = {"nornir": by_nornir, "scrapli": by_scrapli}[tool](found, at_once)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    figures = {
        "devices": len(found),
        "good": good,
        "seconds": seconds,
        "peak_bytes": peak_bytes(),
        "cpu_seconds": used.ru_utime + used.ru_stime,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
