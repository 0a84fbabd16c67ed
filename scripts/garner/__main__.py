"""What one does to a study by hand. `python -m garner COMMAND --help` says more of each."""

import argparse
import signal
import sys
from pathlib import Path

from garner.errors import GarnerError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m garner", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    predict = commands.add_parser(
        "predict",
        help="label files with an exported model",
        description="Print a row of answers for each file, as CSV on standard output. A model of questions "
        "takes a CSV or a Parquet of questions as well, one of users a folder with a CSV a user, @name.csv.",
        epilog="example: python -m garner predict results/languages/export scripts",
    )
    predict.add_argument("model", type=Path, help="folder of an exported model, results/STUDY/export")
    predict.add_argument("paths", nargs="+", help="files, folders, or @FILE with a path a line")
    predict.set_defaults(run=_predict)

    app = commands.add_parser(
        "app",
        help="put the newest exported model of questions into the folder app/",
        description="Put an exported model and the modules that it needs into app/: a folder to push.",
    )
    app.add_argument("study", nargs="?", help="name of the study; the one exported last without it")
    app.set_defaults(run=_app)

    reset = commands.add_parser(
        "reset",
        help="forget the results and the progress of one stage",
        description="Show what would go, ask, and remove it; the next run makes it anew.",
    )
    reset.add_argument("study", help="name of the study, as in config.yaml")
    reset.add_argument("stage", help="name of the stage, for example clone")
    reset.add_argument("--yes", action="store_true", help="do not ask")
    reset.set_defaults(run=_reset)

    reference = commands.add_parser("reference", help="print the reference of all settings as Markdown")
    reference.add_argument("schema", type=Path, help="rules/config.schema.yaml")
    reference.set_defaults(run=_reference)

    unlock = commands.add_parser("unlock", help="clear Snakemake's lock if the run that took it is dead")
    unlock.set_defaults(run=_unlock)

    doctor = commands.add_parser(
        "doctor",
        help="check what a cluster's profile says of its site",
        description="Ask the scheduler for what profiles/PROFILE/cluster.yaml names, and send a small job "
        "to each of its queues, which looks for this folder, Python, the network and a GPU.",
        epilog="example: python -m garner doctor sge --patience 600",
    )
    doctor.add_argument("profile", help="sge or slurm")
    doctor.add_argument("--patience", type=float, default=120, help="seconds to wait for the jobs (120)")
    doctor.add_argument(
        "--address", default="https://api.github.com", help="what jobs on the network must reach"
    )
    doctor.set_defaults(run=_doctor)

    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except GarnerError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def _predict(arguments: argparse.Namespace) -> None:
    from garner.classifier import Classifier
    from garner.inputs import input_files
    from garner.prediction import STDOUT, open_csv, write_predictions

    files = [Path(path) for path in input_files(arguments.paths)]
    with open_csv(STDOUT) as output:
        write_predictions(Classifier(arguments.model), files, output, scored=False)


def _app(arguments: argparse.Namespace) -> None:
    from garner.app_folder import fill

    print(f"app/ holds the model of {fill(Path('app'), Path('results'), arguments.study)}.")


def _reset(arguments: argparse.Namespace) -> None:
    from garner.reset import reset

    def ask(question: str) -> bool:
        if arguments.yes:
            return True
        print(f"{question} [y/N] ", end="", flush=True)
        return sys.stdin.readline().strip().lower() in ("y", "yes")  # at the end of input it is no

    reset(arguments.study, arguments.stage, ask)


def _doctor(arguments: argparse.Namespace) -> None:
    from garner.cluster.doctor import examine, report

    profile = Path("profiles", arguments.profile)
    if not report(examine(profile, arguments.patience, arguments.address), profile):
        sys.exit(1)


def _reference(arguments: argparse.Namespace) -> None:
    from garner.configuration import load_schema
    from garner.reference import reference

    print(reference(load_schema(arguments.schema)), end="")


def _unlock(_: argparse.Namespace) -> None:
    from garner.snakemake_run import clear_stale_lock

    clear_stale_lock(Path.cwd())


if __name__ == "__main__":
    main()
