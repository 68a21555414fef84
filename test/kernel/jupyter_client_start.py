"""Starts the kernel as jupyter_client's programs do, over Unix sockets; started by starts.test.ts.

Arguments: the kernel's name and a folder to work in. Prints one line of JSON with what was seen.
"""
import json
import os
import pathlib
import sys
import threading
import time

from jupyter_client import KernelManager

name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
manager = KernelManager(kernel_name=name, transport="ipc", connection_file=str(folder / "kernel.json"))
manager.start_kernel(cwd=str(folder))
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=60)


def text(code):
    seen = []
    client.execute_interactive(
        code, timeout=60, output_hook=lambda message: seen.append(message["content"])
    )
    return "".join(
        content.get("text", "")
        or content.get("evalue", "")
        or content.get("data", {}).get("text/plain", "")
        for content in seen
    )


def interrupted():
    timer = threading.Timer(1.0, manager.interrupt_kernel)
    timer.start()
    reply = client.execute_interactive(
        "console.log('loops'); while (true) {}", timeout=60, output_hook=lambda message: None
    )
    return reply["content"]["ename"]


seen = {"value": text("6 * 7"), "interrupted": interrupted(), "after": text("'on' + 'ward'")}
with open(manager.connection_file) as file:
    seen["transport"] = json.load(file)["transport"]
sockets = lambda: sorted(str(path.name) for path in folder.iterdir() if path.is_socket())
seen["sockets"] = len(sockets())

text("const before = 1")
manager.restart_kernel(now=False)
client.wait_for_ready(timeout=60)
seen["restarted"] = text("typeof before")

pid = manager.provisioner.pid
client.stop_channels()
manager.shutdown_kernel()
for _ in range(100):
    if not os.path.exists(f"/proc/{pid}"):
        break
    time.sleep(0.1)
seen["runs"] = os.path.exists(f"/proc/{pid}")
seen["left"] = sockets()
print(json.dumps(seen))
