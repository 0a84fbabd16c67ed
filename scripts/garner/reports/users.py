"""The report on users: whether the encoder is worth it, how well it tells the classes, who was left out."""

from pathlib import Path

from garner.errors import InputError
from garner.files import write_text
from garner.reports import figures, plots
from garner.reports.common import PARTS, read_history, save_comparison, table, with_keys
from garner.reports.figures import counted
from garner.reports.plots_users import by_posts, probabilities, roc

SCORES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1 of the older class",
    "roc_auc": "area under the ROC curve",
}


def write_report(inputs: dict[str, Path], outputs: dict[str, Path]) -> None:
    """Write the figures (SVG) and the table (CSV) named in `outputs`.

    `inputs`: "drops" (sort), "baseline", "history" (train), "metrics" (of predict, over the test part).
    Raises InputError where one is missing or damaged, or the test part has one class alone.
    """
    encoder = with_keys(inputs["metrics"], "roc", "calibration", "confusion", "by_posts", *SCORES)
    linear = with_keys(inputs["baseline"], "test")["test"]
    drops = with_keys(inputs["drops"], "found", "drops", "users", *PARTS)
    history = read_history(inputs["history"])
    if encoder["roc"] is None:
        raise InputError(f"{inputs['metrics']}: the test part has one class alone. Label more users.")
    labels = encoder["confusion"]["labels"]
    samples = counted(encoder["samples"], "user")
    save_comparison(_scores(encoder), _scores(linear), samples, outputs["comparison"])
    figures.save(roc(encoder, linear, labels[1]), outputs["roc"])
    figures.save(probabilities(encoder, labels), outputs["probabilities"])
    figures.save(by_posts(encoder["by_posts"]), outputs["by_posts"])
    figures.save(
        plots.calibration(encoder["calibration"], linear["calibration"], "users"), outputs["calibration"]
    )
    figures.save(plots.learning_curves(*history), outputs["learning_curves"])
    parts = {part: sum(drops[part].values()) for part in PARTS}
    figures.save(plots.kept(drops["found"], drops["drops"], parts, "user"), outputs["users"])
    rows = ({"user": user, "reason": reason} for reason, users in drops["users"].items() for user in users)
    ordered = sorted(rows, key=lambda row: (row["reason"], row["user"]))
    write_text(outputs["left_out"], table(("user", "reason"), ordered))


def _scores(metrics: dict) -> dict[str, float | None]:
    return {label: metrics[name] for name, label in SCORES.items()}
