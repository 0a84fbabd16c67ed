"""The app with a tiny model, a program of its own in a folder of its own, and a browser to look at it."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import exported_encoders
import pytest
from loopback import free_ports

from garner.app_folder import fill

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("app.py", "app.css", "questions_csv.py", "requirements.txt", "README.md")
sys.path.append(str(ROOT / "app"))  # behind the library: app/garner may be an old copy of it


@pytest.fixture(scope="session")
def export(tmp_path_factory) -> Path:
    """The export of a tiny study of questions, trained in seconds."""
    return exported_encoders.make(tmp_path_factory.mktemp("results") / "tiny", "multilabel") / "export"


@pytest.fixture(scope="session")
def app(export, tmp_path_factory) -> Path:
    """A copy of the app's folder, filled as `make app` does, in an empty folder."""
    folder = tmp_path_factory.mktemp("space") / "app"
    folder.mkdir()
    for name in SOURCES:
        shutil.copyfile(ROOT / "app" / name, folder / name)
    fill(folder, export.parents[1], export.parent.name)
    return folder


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """The variables for a program that is to find nothing of this checkout."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return kept | {"PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(scope="session")
def served(app, environment, tmp_path_factory) -> Iterator[tuple[str, int]]:
    """The address of the running app, and its process."""
    folder, (port,) = tmp_path_factory.mktemp("served"), free_ports(1)
    variables = {"GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": str(folder / "uploads")}
    begin = time.monotonic()
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=app, env=environment | variables, stdout=log, stderr=log
        )
    try:
        while not answers(f"http://127.0.0.1:{port}/"):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() - begin < 120
            time.sleep(0.05)
        print(f"the app answers after {time.monotonic() - begin:.1f} s")
        yield f"http://127.0.0.1:{port}/", process.pid
    finally:
        process.terminate()
        process.wait(30)


def answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except OSError:
        return False


@pytest.fixture(scope="session")
def downloads(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="session")
def chromium(downloads) -> Iterator:
    """Chromium without a window."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("Chromium is not installed: apt-get install chromium chromium-driver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for option in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,1000"):
        options.add_argument(option)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield browser
    browser.quit()
