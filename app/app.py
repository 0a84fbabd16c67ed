"""Tags for a question, in the browser: for one, for a file of them, or over REST. Runs on onnxruntime alone.

    python app.py [--open]

`--open` shows it in the browser. GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say where it listens (127.0.0.1,
from 7860 on); a hosting space sets them. Nothing is sent elsewhere. A question is not kept; a file of them
is, for some minutes.
"""

import os
import sys
from html import escape
from pathlib import Path
from urllib.parse import quote, urlsplit

import gradio as gr
import questions_csv
from questions_csv import LONGEST, ROWS, ranked

from garner.classifier import Classifier
from garner.errors import ClassifierError, InputError

FOLDER = Path(__file__).parent
LARGEST_FILE = 5 << 20  # bytes
AT_ONCE = 16  # questions between two steps of the progress bar
BARS = 8
# Shipped with Gradio, so that no font is fetched; of its weights only these two are whole.
FONT = [gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "sans-serif"]
ONE_AT_A_TIME = {"concurrency_id": "model", "concurrency_limit": 1}
OF_THE_PAGE = {**ONE_AT_A_TIME, "api_visibility": "private"}


def main() -> None:
    try:
        classifier = Classifier(FOLDER / "model", threads=min(os.cpu_count() or 1, 4))
    except ClassifierError as error:
        sys.exit(f"error: {error} `make app` in Garner's checkout puts a model there.")
    build(classifier).queue(max_size=32).launch(
        share=False,
        ssr_mode=False,
        run_history=False,
        max_file_size=LARGEST_FILE,
        inbrowser="--open" in sys.argv[1:],
        theme=gr.themes.Default(primary_hue="teal", font=FONT),
        css_paths=FOLDER / "app.css",
        footer_links=["api"],
    )


def build(classifier: Classifier) -> gr.Blocks:
    """The page of one classifier, and its endpoint."""
    config = classifier.config

    def predict(title: str, body: str) -> dict:
        """The tags of a question, best first, and the probability of every tag there is."""
        answer = classifier.predict([one_text(title, body)])[0]
        return {"tags": list(answer.tags), "probabilities": dict(ranked(answer, config.labels))}

    # A cache's times are in seconds: how often it is looked through, and how old a file may become.
    with gr.Blocks(title=f"Tags: {site(config)}", analytics_enabled=False, delete_cache=(60, 600)) as page:
        gr.HTML(introduction(config), elem_classes="head")
        with gr.Tab("One question"):
            one_question(classifier)
        with gr.Tab("Many questions"):
            many_questions(classifier)
        gr.api(predict, api_name="predict", **ONE_AT_A_TIME)
    return page


def one_question(classifier: Classifier) -> None:
    config = classifier.config

    def show(title: str, body: str) -> str:
        return bars(classifier.predict([one_text(title, body)])[0], config.labels, config.link)

    hint = "<p class='hint'>The tags appear here.</p>"
    with gr.Row(equal_height=False):
        with gr.Column(scale=3):
            title = gr.Textbox(label="Title", max_length=LONGEST, max_lines=3)
            body = gr.Textbox(label="Question", max_length=LONGEST, lines=9, max_lines=16)
            ask = gr.Button("Find its tags", variant="primary")
        with gr.Column(scale=2):
            tags = gr.HTML(hint, container=True, padding=True, elem_id="tags")
    if config.examples:
        gr.Examples(
            [[example["title"], example["text"]] for example in config.examples],
            inputs=[title, body],
            outputs=tags,
            fn=show,
            run_on_click=True,
            example_labels=[example["title"] for example in config.examples],
            label="Questions that it has never seen",
            api_visibility="private",
        )
        gr.HTML(sources(config.examples), elem_classes="licence")
    gr.on([ask.click, title.submit, body.submit], show, [title, body], tags, **OF_THE_PAGE)


def many_questions(classifier: Classifier) -> None:
    def tag_file(path: str | None, progress=gr.Progress()) -> tuple[str, str]:  # noqa: B008
        if path is None:
            raise refused("Choose a CSV first.")
        try:
            names, texts = zip(*questions_csv.read(Path(path)), strict=True)
        except InputError as error:
            raise refused(str(error)) from None
        answers = []
        for start in range(0, len(texts), AT_ONCE):
            progress((start, len(texts)), unit="questions")
            answers += classifier.predict(texts[start : start + AT_ONCE])
        # In Gradio's folder for uploads, which is tidied up.
        target = Path(path).with_name(f"{Path(path).stem}-tags.csv")
        questions_csv.write(target, names, answers, classifier.config.labels)
        untagged = sum(not answer.tags for answer in answers)
        return f"<p>{len(texts):,} questions read; {untagged:,} of them got no tag.</p>", str(target)

    gr.HTML(
        "<p>A CSV in UTF-8 with the columns <b>title</b> and <b>body</b> (as plain text), or <b>text</b>, "
        f"and <b>id</b> if it has one. Up to {ROWS:,} questions and {LARGEST_FILE >> 20} MiB.</p>"
    )
    given = gr.File(label="CSV of questions", file_types=[".csv"], elem_id="given")
    start = gr.Button("Tag them all", variant="primary")
    report = gr.HTML(elem_id="report")
    answered = gr.File(label="Their tags, as CSV", interactive=False, elem_id="answered")
    start.click(tag_file, given, [report, answered], show_progress_on=answered, **OF_THE_PAGE)


def one_text(title: str, body: str) -> str:
    """As the classifier was trained on it. Raises gr.Error for none at all, or one that is too long."""
    text = f"{title.strip()}\n\n{body.strip()}"
    if not text.strip():
        raise refused("Write a question first.")
    if len(text) > LONGEST:
        raise refused(f"The question is longer than {LONGEST:,} characters. Shorten it.")
    return text


def refused(reason: str) -> gr.Error:
    """Escaped, since the page shows an error's message as HTML; until it is closed."""
    return gr.Error(escape(reason[:1].upper() + reason[1:]), duration=None, print_exception=False)


def introduction(config) -> str:
    """What the model is, and how good, as HTML."""
    first, f1 = config.metrics["precision_at"]["1"], config.metrics["micro_f1"]
    return (
        "<h1>Which tags fit this question?</h1>"
        f"<p>A text encoder that has learned {len(config.labels):,} tags of {escape(site(config))}. On "
        f"questions kept for validation, which its thresholds were chosen by, its first tag is right "
        f"{first:.0%} of the time, and its micro-F1 is {f1:.2f}.</p>"
    )


def sources(examples: list[dict]) -> str:
    """Where the examples come from and under which licence, as HTML."""
    rows = "".join(
        f"<li>{link(example['link'], example['title'])} ({escape(example['licence'] or 'not stated')})</li>"
        for example in examples
    )
    return f"Where they are from, and their licence:<ul>{rows}</ul>"


def site(config) -> str:
    return urlsplit(config.link).hostname or config.study


def bars(answer, labels: tuple[str, ...], address: str) -> str:
    """The most probable tags as HTML, each a link with a bar; those that the classifier chose stand out.

    `address` is that of a tag's page, with {tag} in the place of its name.
    """
    if answer.note:
        return f"<p class='hint'>{escape(answer.note)}</p>"
    rows = "".join(
        f"<li{' class=chosen' if tag in answer.tags else ''}>"
        f"{link(address.replace('{tag}', quote(tag, safe='')), tag)}<span class='share'>{share:.0%}</span>"
        f"<span class='bar'><span style='width: {share:.1%}'></span></span></li>"
        for tag, share in ranked(answer, labels)[: max(BARS, len(answer.tags))]
    )
    none = "" if answer.tags else "<p class='hint'>No tag is probable enough; these come closest.</p>"
    return f"{none}<ol class='tags'>{rows}</ol>"


def link(address: str, text: str) -> str:
    if urlsplit(address).scheme not in ("http", "https"):
        return escape(text)
    return f"<a href='{escape(address)}' target='_blank' rel='noopener noreferrer'>{escape(text)}</a>"


if __name__ == "__main__":
    main()
