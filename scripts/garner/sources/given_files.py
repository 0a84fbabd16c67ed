"""Which files a study reads in the place of a crawl. Imports little, since the rules ask, too."""

from pathlib import Path

from garner.errors import InputError
from garner.sources.stackexchange_questions import host_of

TABLE = "questions_{}.parquet"  # with the name of a site (garner.sources.stackexchange_table)


def find_dump(path: Path, site: str) -> Path:
    """The file that the setting scrape.dump names: itself, or the first of a site's that a folder holds.

    Raises InputError where there is none, and names the sites that the folder has tables of.
    """
    path = path.expanduser()
    if path.is_file():
        return path
    if not path.is_dir():
        raise InputError(f"{path}, the setting scrape.dump, is not there.")
    host = host_of(site)
    names = [TABLE.format(site), f"{host}.7z", f"{host}-Posts.7z", "Posts.xml", "Posts.xml.zst"]
    for name in names:
        if (path / name).is_file():
            return path / name
    prefix, suffix = TABLE.split("{}")
    sites = sorted(
        file.name[len(prefix) : -len(suffix)] for file in path.glob(TABLE.format("*")) if file.is_file()
    )
    others = f" There are tables of {', '.join(sites)}: is the setting scrape.site right?" if sites else ""
    raise InputError(
        f"{path}, the setting scrape.dump, holds no questions of {site}. Expected one of {', '.join(names)}."
        f"{others}"
    )


def csv_files(folder: Path) -> list[Path]:
    """The CSV files in the folder that the setting scrape.folder names, sorted. Raises InputError."""
    try:
        files = [path for path in folder.expanduser().iterdir() if path.is_file()]
    except OSError as error:
        raise InputError(f"{folder}, the setting scrape.folder, can't be read: {error.strerror}.") from None
    return sorted(path for path in files if path.suffix.lower() == ".csv")
