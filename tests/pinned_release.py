"""Releases that can really be installed, with nothing but the package `council` given and one package that it needs.

The package that a lock pins is a wheel of a few lines in a folder of its own, which pip is told to look into. So all goes the
way that it goes for a release of Council: pins by digest, then the wheel, in an environment of its own.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import made_release
from council.domain import release_pin
from council.releases import folder

NEEDED, NEEDED_VERSION = "toylib", "1.0"

# A service that says which release it is of to whoever connects. Beside it the words by which a release is asked about itself.
TOY = """
import json, os, select, signal, socket, sys, threading
import toylib, council
words = sys.argv[1:]
if "--version" in words:
    print("council, version", council.__version__); sys.exit(0)
name, home = words[1], words[words.index("--home") + 1]
if name == "migrator":
    with open(home + "/migrated", "a") as file: file.write(council.__version__ + "\\n")
    sys.exit(0)
answering = threading.Lock()
def leave(*_):
    with answering: os._exit(0)
signal.signal(signal.SIGTERM, leave)
def sockets(variable):
    found = [entry.rpartition(":") for entry in os.environ[variable].split(",") if entry]
    return {key: socket.socket(fileno=int(number)) for key, _, number in found}
own, waiting = sockets("COUNCIL_SOCKETS"), sockets("COUNCIL_WAITING")
said = json.dumps([name, council.__version__, sys.prefix]).encode()
def serve(listener):
    listener.setblocking(False)
    while True:
        select.select([listener], [], [])
        with answering:
            try: connection, _ = listener.accept()
            except BlockingIOError: continue
            connection.sendall(said)
            connection.close()
for listener in own.values():
    threading.Thread(target=serve, args=[listener], daemon=True).start()
ready = int(os.environ["COUNCIL_READY_FD"])
os.write(ready, b"ready\\n")
with os.fdopen(int(os.environ["COUNCIL_ORDERS_FD"]), "rb") as told:
    for line in told:
        if line.split()[0] == b"live":
            for listener in waiting.values():
                threading.Thread(target=serve, args=[listener], daemon=True).start()
            waiting = {}
        os.write(ready, b"!")
signal.pause()
"""


def needed(wheels: Path) -> str:
    """Write the package that the lock pins into a folder; return the SHA-256 of its wheel."""
    about = f"{NEEDED}-{NEEDED_VERSION}.dist-info"
    metadata = f"Metadata-Version: 2.4\nName: {NEEDED}\nVersion: {NEEDED_VERSION}\n\nA text.\n".encode()
    files = {
        f"{NEEDED}.py": b"HERE = 1\n",
        f"{about}/METADATA": metadata,
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    raw = made_release.wheel(_recorded(files, about))
    wheels.mkdir(exist_ok=True)
    (wheels / f"{NEEDED}-{NEEDED_VERSION}-py3-none-any.whl").write_bytes(raw)
    return hashlib.sha256(raw).hexdigest()


def write(place: Path, version: str, digest: str, python: str = ">=3.11", main: str = TOY) -> release_pin.Pin:
    """Write a release into a new folder; return the pin of it. `digest` is that of the package that it needs."""
    about = f"council_cloud-{version}.dist-info"
    metadata = (
        f"Metadata-Version: 2.4\nName: council-cloud\nVersion: {version}\nRequires-Python: {python}\n"
        f"Requires-Dist: {NEEDED}=={NEEDED_VERSION}\n\nA text.\n"
    ).encode()
    package = {
        "council/__init__.py": f'__version__ = "{version}"\n'.encode(),
        "council/__main__.py": main.encode(),
        f"{about}/METADATA": metadata,
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    bill = made_release.bill()
    bill["metadata"]["component"] |= {"version": version, "purl": f"pkg:pypi/council-cloud@{version}"}
    pinned = made_release.component(NEEDED, NEEDED_VERSION, "")
    bill["components"] = [{**pinned, "hashes": [{"alg": "SHA-256", "content": digest}]}]
    top = f"council_cloud-{version}"
    files = {
        folder.wheel_name(version): made_release.wheel(_recorded(package, about)),
        folder.archive_name(version): made_release.archive({f"{top}/PKG-INFO": metadata}),
        folder.bill_name(version): json.dumps(bill).encode(),
        folder.LOCK: f"{NEEDED}=={NEEDED_VERSION} \\\n    --hash=sha256:{digest}\n".encode(),
    }
    sums = made_release.sums(files)
    place.mkdir(parents=True)
    for name, content in {**files, folder.SUMS: sums}.items():
        (place / name).write_bytes(content)
    return release_pin.Pin(version, hashlib.sha256(sums).hexdigest(), str(place))


def text(pin: release_pin.Pin) -> bytes:
    """Return the pin as `release.yaml`."""
    lines = [f'version: "{pin.version}"', f'sums_sha256: "{pin.digest}"', f'folder: "{pin.folder}"']
    return ("release:\n" + "".join(f"  {line}\n" for line in lines)).encode()


def _recorded(files: Mapping[str, bytes], about: str) -> dict[str, bytes]:
    made = made_release.recorded(files)
    record = made.pop(f"{made_release.ABOUT}/RECORD")
    return {**made, f"{about}/RECORD": record.replace(made_release.ABOUT.encode(), about.encode())}
