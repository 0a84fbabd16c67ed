"""What one sees from a node: `python -m garner.cluster.probe FILE ADDRESS` writes it to FILE as JSON."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from garner.files import write_json


def seen(address: str) -> dict:
    """`network` is what went wrong, or empty; `temporary_gb` are free on the node's own disk."""
    return {
        "host": socket.gethostname(),
        "python": sys.version.split()[0],
        "temporary": tempfile.gettempdir(),
        "temporary_gb": round(shutil.disk_usage(tempfile.gettempdir()).free / 1e9, 1),
        "network": _network(address),
        "gpus": _gpus(),
        "cuda_visible_devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
    }


def _network(address: str) -> str:
    parts = urlsplit(address)
    try:
        with socket.create_connection((parts.hostname, parts.port or 443), timeout=10):
            return ""
    except OSError as error:
        return str(error)


def _gpus() -> list[str]:
    if not shutil.which("nvidia-smi"):
        return []
    listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, timeout=60)
    return listed.stdout.splitlines()


if __name__ == "__main__":
    write_json(Path(sys.argv[1]), seen(sys.argv[2]))
