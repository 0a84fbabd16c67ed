"""Fetching the packages of the pinned list, byte for byte, as pip and npm are set up on this machine.

Nothing fetched is run. A source distribution is taken from pip's package index by the simple API (PEP 503,
PEP 691), since `pip download` would run its setup code; an npm package by `npm pack`, which runs no script of
a package.
"""

import ast
import csv
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.util import Retry

from garner.errors import InputError
from garner.files import atomic
from garner.logs import Progress, log

PYTHON, NPM = "python", "npm"
LARGEST_PAGE = 32 * 1024**2  # bytes of an index page
TIMEOUT = (5, 30)  # seconds to connect, and without a byte

_AT_ONCE = 6  # requests to the package index
_NPM_BATCH = 12  # packages a call: npm starts slowly, and progress is to show
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5, */*;q=0.1"
_RETRY = Retry(total=3, connect=1, backoff_factor=0.5, status_forcelist=[429, 500, 502, 503, 504])


@dataclass(frozen=True)
class Package:
    """A line of the list. `bytes` and `sha256` are the fetched file's; `languages` is what it brings."""

    registry: str
    name: str
    version: str
    bytes: int
    sha256: str
    languages: tuple[str, ...]

    @property
    def specification(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def file_name(self) -> str:
        return f"{self.registry}-{re.sub('[^A-Za-z0-9.]+', '-', self.specification).strip('-')}"


class _Unavailable(Exception):
    """A package cannot be had now. The message says why, without an address: that may carry credentials."""


class _Unreachable(_Unavailable):
    """The registry does not answer, so that asking it for the next package is vain."""


def read_list(path: Path) -> list[Package]:
    """The packages of a CSV file: registry, name, version, bytes, sha256, languages (`;` between them)."""
    packages = []
    with open(path, newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                if row["registry"] not in (PYTHON, NPM) or not re.fullmatch("[0-9a-f]{64}", row["sha256"]):
                    raise ValueError
                typed = {"bytes": int(row["bytes"]), "languages": tuple(row["languages"].split(";"))}
                packages.append(Package(**{**row, **typed}))
            except (KeyError, TypeError, ValueError, AttributeError):
                raise InputError(
                    f"{path}, line {number}: found {row}; expected registry ({PYTHON} or {NPM}), name, "
                    "version, bytes, sha256 (64 hexadecimal digits) and languages."
                ) from None
    return packages


def fetch(packages: list[Package], folder: Path) -> list[Package]:
    """Fetch what `folder` does not hold yet, and give those that it holds now, under their `file_name`.

    A package that cannot be had is left out, with a line in the log for each reason. Raises InputError,
    naming the package, where a file is not the pinned one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [package for package in packages if not _is_there(package, folder)]
    reasons: dict[Package, str] = {}
    with Progress(len(missing), "fetch", "packages") as progress, ThreadPoolExecutor(2) as pool:
        tasks = [
            pool.submit(fetch_some, chosen, folder, reasons, progress)
            for registry, fetch_some in ((PYTHON, _fetch_distributions), (NPM, _fetch_npm_packages))
            if (chosen := [package for package in missing if package.registry == registry])
        ]
        for task in tasks:
            task.result()
    _say_what_is_left_out(reasons)
    return [package for package in packages if package not in reasons]


def _is_there(package: Package, folder: Path) -> bool:
    path = folder / package.file_name
    return path.is_file() and sha256(path.read_bytes()).hexdigest() == package.sha256


def _keep(package: Package, data: bytes, folder: Path) -> None:
    found = len(data), sha256(data).hexdigest()
    if found != (package.bytes, package.sha256):
        raise InputError(
            f"{package.specification} from the {package.registry} registry is not the pinned file: found "
            f"{found[0]:,} bytes with sha256 {found[1]}, expected {package.bytes:,} with {package.sha256}. "
            "Take it off the list of packages, unless you know why it changed."
        )
    with atomic(folder / package.file_name) as part:
        part.write_bytes(data)


def _say_what_is_left_out(reasons: dict[Package, str]) -> None:
    for reason in sorted(set(reasons.values())):
        packages = [package for package in reasons if reasons[package] == reason]
        names = sorted(package.specification for package in packages)
        languages = sorted({language for package in packages for language in package.languages})
        log.warning(
            "%s: %d packages are left out (%s), which bring %s. Run again to try again.",
            *(reason, len(names), ", ".join(names[:5]) + (" …" if names[5:] else ""), ", ".join(languages)),
        )


def _fetch_distributions(packages: list[Package], folder: Path, reasons: dict, progress: Progress) -> None:
    try:
        settings = _pip_settings()
    except _Unreachable as error:
        reasons.update(dict.fromkeys(packages, str(error)))
        return
    unreachable: list[str] = []

    def fetch_one(package: Package) -> None:
        try:
            if unreachable:
                raise _Unreachable(unreachable[0])
            _keep(package, _distribution(session, settings["index-url"], package), folder)
        except _Unavailable as error:
            reasons[package] = str(error)
            if isinstance(error, _Unreachable):
                unreachable.append(str(error))
        progress.advance()

    with requests.Session() as session, ThreadPoolExecutor(_AT_ONCE) as pool:
        session.verify = settings.get("cert", True)
        session.mount("https://", requests.adapters.HTTPAdapter(max_retries=_RETRY))
        list(pool.map(fetch_one, packages))


def _distribution(session: requests.Session, index: str, package: Package) -> bytes:
    """The bytes of the source distribution; one more than pinned where it is longer."""
    wanted = _normalised(f"{package.name}-{package.version}")
    address = f"{index.rstrip('/')}/{_normalised(package.name)}/"
    for link in _links(*_get(session, address, LARGEST_PAGE), address):
        file_name = urlsplit(link).path.rsplit("/", 1)[-1]
        stem = re.sub(r"\.(tar\.(gz|bz2|xz)|zip)$", "", file_name)
        if stem != file_name and _normalised(stem) == wanted:
            return _get(session, link, package.bytes)[0]
    raise _Unavailable("the Python package index does not have it")


def _get(session: requests.Session, address: str, limit: int) -> tuple[bytes, str]:
    """The body, cut one byte after `limit`, and its type."""
    try:
        answer = session.get(address, headers={"Accept": _ACCEPT}, timeout=TIMEOUT, stream=True)
    except requests.RequestException as error:
        reason = f"the Python package index cannot be reached ({type(error).__name__})"
        raise _Unreachable(reason) from None
    with answer:
        if answer.status_code != 200:
            raise _Unavailable(f"the Python package index answers {answer.status_code}")
        body = bytearray()
        try:
            for chunk in answer.iter_content(65536):
                body += chunk
                if len(body) > limit:
                    break
        except requests.RequestException:
            raise _Unavailable("an answer of the Python package index broke off") from None
        return bytes(body[: limit + 1]), answer.headers.get("Content-Type", "")


def _links(page: bytes, content_type: str, address: str) -> Iterator[str]:
    try:
        found = (
            [file["url"] for file in json.loads(page)["files"]] if "json" in content_type else _anchors(page)
        )
    except (ValueError, LookupError, TypeError, RecursionError):
        raise _Unavailable("the Python package index gives a page that cannot be read") from None
    return (urljoin(address, link) for link in found)


def _anchors(page: bytes) -> list[str]:
    parser = _Anchors()
    parser.feed(page.decode(errors="replace"))
    return parser.links


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attributes if tag == "a" and name == "href" and value]


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pip_settings() -> dict[str, str]:
    """How pip is set up here: `index-url`, and `cert` where one is named."""
    try:
        from pip._internal.models.index import PyPI
    except ImportError:
        raise _Unreachable("pip, whose package index is used, is not installed") from None
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = dict(line.split("=", 1) for line in listed.splitlines() if "=" in line)
    settings = {"index-url": PyPI.simple_url}
    for section in ("global", "download", ":env:"):  # a later one counts more, as for pip
        for name in ("index-url", "cert"):
            if f"{section}.{name}" in found:
                settings[name] = ast.literal_eval(found[f"{section}.{name}"])
    return settings


def _fetch_npm_packages(packages: list[Package], folder: Path, reasons: dict, progress: Progress) -> None:
    for begin in range(0, len(packages), _NPM_BATCH):
        batch = packages[begin : begin + _NPM_BATCH]
        try:
            _npm_pack(batch, folder)
        except _Unreachable as error:
            reasons.update(dict.fromkeys(packages[begin:], str(error)))
            return
        except _Unavailable:
            _fetch_npm_one_by_one(batch, folder, reasons)
        progress.advance(len(batch))


def _fetch_npm_one_by_one(packages: list[Package], folder: Path, reasons: dict) -> None:
    for package in packages:
        try:
            _npm_pack([package], folder)
        except _Unavailable as error:
            reasons[package] = str(error)


def _npm_pack(packages: list[Package], folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder, prefix="npm-") as work:
        command = ["npm", "pack", "--json", "--ignore-scripts", "--loglevel=error"]
        command += ["--fetch-retries=2", "--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=2000"]
        command += [f"--cache={work}/cache", f"--pack-destination={work}"]
        command += [package.specification for package in packages]
        try:
            done = subprocess.run(command, cwd=work, capture_output=True, text=True)
        except FileNotFoundError:
            raise _Unreachable("npm is not installed") from None
        if done.returncode:
            code = (re.findall(r"code\W+(E\w+)", done.stdout + done.stderr) or [f"exit {done.returncode}"])[0]
            if code in ("E404", "ETARGET"):
                raise _Unavailable("the npm registry does not have it")
            raise _Unreachable(f"npm pack failed ({code})")
        for row in json.loads(done.stdout):
            package = next(one for one in packages if one.specification == f"{row['name']}@{row['version']}")
            # Some versions of npm name the file of a scoped package otherwise than they call it.
            file_name = row["filename"].replace("@", "").replace("/", "-")
            _keep(package, Path(work, file_name).read_bytes(), folder)
