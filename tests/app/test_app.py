"""The app as a person meets it, in a browser, and as a program does, over REST."""

import csv
import ipaddress
import json
import subprocess
import sys
import time
from html import escape
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil
import pytest
import tiny_questions
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from garner import Classifier
from garner.encoders.classifiers import Answer

PATIENCE = 60


@pytest.fixture(scope="session")
def classifier(export) -> Classifier:
    return Classifier(export)


@pytest.fixture(scope="session")
def question() -> tuple[str, str]:
    """Title and body of a question that the classifier has not seen."""
    title, _, body = tiny_questions.documents("test", 1)[0].text.partition("\n\n")
    return title, body


@pytest.fixture
def page(served, chromium):
    chromium.get(served[0])
    find(chromium, "textarea")
    return chromium


def find(page, selector: str):
    """The first element that a CSS selector finds, waited for."""
    return WebDriverWait(page, PATIENCE).until(lambda page: page.find_elements(By.CSS_SELECTOR, selector))[0]


def press(page, text: str) -> None:
    """Press the button, or the tab, with that text."""

    def shown(page):
        buttons = page.find_elements(By.TAG_NAME, "button")
        return [button for button in buttons if button.is_displayed() and text in button.text]

    WebDriverWait(page, PATIENCE).until(shown)[0].click()


def ask(page, title: str, body: str) -> dict[str, bool]:
    """Write a question, and wait for its tags: each with whether it was chosen."""
    for label, text in (("Title", title), ("Question", body)):
        field = page.find_element(
            By.XPATH, f"//label[contains(., '{label}')]//*[self::input or self::textarea]"
        )
        field.clear()
        field.send_keys(text)
    press(page, "Find its tags")
    return shown_tags(page)


def shown_tags(page) -> dict[str, bool]:
    find(page, "ol.tags li")
    rows = page.find_elements(By.CSS_SELECTOR, "ol.tags li")
    return {row.find_element(By.TAG_NAME, "a").text: "chosen" in row.get_attribute("class") for row in rows}


def upload(page, path: Path) -> None:
    press(page, "Many questions")
    page.find_element(By.CSS_SELECTOR, "#given input[type=file]").send_keys(str(path))
    find(page, "#given .file-preview")
    press(page, "Tag them all")


def test_folder_stands_alone_and_starts_without_torch(app, environment):
    code = (
        "import sys, app; "
        "print([m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'garner']); "
        "print({'torch', 'transformers', 'sklearn'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=app, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    files, heavy = done.stdout.splitlines()
    assert heavy == "set()"
    assert all(path.startswith(str(app)) for path in json.loads(files.replace("'", '"')))


def test_without_a_model_the_error_names_the_command_that_puts_one_there(app, environment, tmp_path):
    bare = tmp_path / "app"
    subprocess.run(["cp", "-r", app, bare], check=True)
    subprocess.run(["rm", "-r", bare / "model"], check=True)
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=bare, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert "make app" in done.stderr
    assert "Traceback" not in done.stderr


def test_app_listens_on_loopback_alone(served):
    connections = psutil.Process(served[1]).net_connections()
    listening = {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_question_is_answered_with_the_classifiers_tags_each_a_link(page, question, classifier):
    (answer,) = classifier.predict(["\n\n".join(question)])
    shown = ask(page, *question)
    assert {tag for tag, chosen in shown.items() if chosen} == set(answer.tags)
    first = find(page, "ol.tags a")
    assert first.get_attribute("href") == f"https://scifi.stackexchange.com/questions/tagged/{first.text}"
    assert "noopener" in first.get_attribute("rel")


def test_example_is_answered_at_a_click(page, classifier):
    (example, *_) = classifier.config.examples
    press(page, example["title"][:40])
    shown = shown_tags(page)
    (answer,) = classifier.predict([f"{example['title']}\n\n{example['text']}"])
    assert {tag for tag, chosen in shown.items() if chosen} == set(answer.tags)
    assert page.find_elements(By.CSS_SELECTOR, f".licence a[href='{example['link']}']")


def test_file_of_questions_comes_back_with_tags(page, classifier, tmp_path, downloads):
    documents = tiny_questions.documents("test", 40)
    questions = [document.text.split("\n\n", 1) for document in documents]
    with open(tmp_path / "questions.csv", "w", newline="", encoding="utf-8-sig") as file:
        table = csv.writer(file)
        table.writerow(["id", "title", "body"])
        table.writerows([document.id, *text] for document, text in zip(documents, questions, strict=True))
        table.writerow(["empty", "", ""])
    upload(page, tmp_path / "questions.csv")
    find(page, "#answered a[download]").click()
    rows = wait_for_rows(downloads / "questions-tags.csv")
    assert [row["id"] for row in rows] == [*(document.id for document in documents), "empty"]
    answers = classifier.predict([document.text for document in documents])
    assert [row["tags"].split() for row in rows[:-1]] == [list(answer.tags) for answer in answers]
    for row, answer in zip(rows[:-1], answers, strict=True):
        assert float(row["probability_1"]) == pytest.approx(max(answer.probabilities), abs=1e-3)
    assert rows[-1]["tags"] == rows[-1]["tag_1"] == ""
    assert rows[-1]["note"]
    assert "41 questions read" in find(page, "#report p").text


def wait_for_rows(path: Path) -> list[dict]:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_error_about_a_file_names_what_was_expected_and_runs_nothing_of_it(page, tmp_path):
    header = "<img src=x onerror=document.title='run'>"
    (tmp_path / "columns.csv").write_text(f"{header}\n1\n")
    upload(page, tmp_path / "columns.csv")
    said = find(page, ".toast-body.error").text
    assert header in said
    assert "Expected title and body, or text." in said
    assert page.title != "run"
    assert not page.find_elements(By.CSS_SELECTOR, ".toast-body img[src=x]")


def test_markup_in_a_question_is_text(page, question):
    ask(
        page,
        f"<script>document.title='run'</script> {question[0]}",
        "<img src=x onerror=document.title='run'>",
    )
    assert page.title != "run"
    assert not page.find_elements(By.CSS_SELECTOR, "img[src=x]")


def test_markup_in_a_tag_is_text_and_its_link_stays_on_the_site():
    import app

    tag = "<img src=x onerror='run()'>/../&?#"
    answer = Answer(probabilities=(0.5,), tags=(tag,))
    shown = app.bars(answer, (tag,), "https://scifi.stackexchange.com/questions/tagged/{tag}")
    assert "<img" not in shown
    assert escape(tag) in shown
    assert f"/questions/tagged/{quote(tag, safe='')}'" in shown


def test_address_that_would_run_a_script_is_no_link():
    import app

    assert app.link("javascript:run()", "text") == "text"


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (1280, "dark"), (360, "light")])
def test_page_fits_a_screen_and_its_text_stands_out(page, served, question, width, theme):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    try:
        page.get(f"{served[0]}?__theme={theme}")
        find(page, "textarea")
        ask(page, *question)
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
        colour = "return getComputedStyle(document.querySelector(arguments[0])).{}"
        text = page.execute_script(colour.format("color"), "ol.tags li.chosen a, ol.tags li a")
        behind = page.execute_script(colour.format("backgroundColor"), "#tags")
        assert abs(brightness(text) - brightness(behind)) > 128
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def brightness(colour: str) -> float:
    """Of rgb(…) from 0 to 255."""
    red, green, blue, *_ = (float(part) for part in colour.split("(")[1].rstrip(")").split(","))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_neither_page_nor_server_asks_anything_of_the_network(page, served, question):
    page.get_log("performance")  # what was before
    page.get(served[0])
    find(page, "textarea")
    ask(page, *question)
    press(page, "Many questions")
    asked = [
        message["params"]["request"]["url"]
        for entry in page.get_log("performance")
        if (message := json.loads(entry["message"])["message"])["method"] == "Network.requestWillBeSent"
    ]
    assert any("/theme.css" in url for url in asked)
    assert {urlsplit(url).hostname for url in asked if not url.startswith("data:")} == {"127.0.0.1"}
    peers = {c.raddr.ip for c in psutil.Process(served[1]).net_connections() if c.raddr}
    assert all(ipaddress.ip_address(peer).is_loopback for peer in peers)


def test_program_gets_tags_and_probabilities_over_rest(served, question, classifier):
    from gradio_client import Client

    client = Client(served[0], verbose=False, analytics_enabled=False)
    title, body = question
    found = client.predict(title=title, body=body, api_name="/predict")
    (answer,) = classifier.predict(["\n\n".join(question)])
    assert found["tags"] == list(answer.tags)
    assert found["probabilities"].keys() == set(classifier.config.labels)
    assert max(found["probabilities"].values()) == pytest.approx(max(answer.probabilities), abs=1e-3)
    assert list(found["probabilities"].values()) == sorted(found["probabilities"].values(), reverse=True)


@pytest.mark.parametrize(
    ("title", "body", "said"),
    [("", " \n", "Write a question first."), ("", "x" * 30_001, "longer than 30,000 characters")],
)
def test_program_is_told_why_a_question_is_refused(served, title, body, said):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match=said):
        Client(served[0], verbose=False, analytics_enabled=False).predict(title, body, api_name="/predict")
