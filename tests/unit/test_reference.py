from garner.configuration import load_schema
from garner.reference import reference


def test_reference_has_a_row_for_each_setting_of_each_source(root):
    rows = reference(load_schema(root / "rules" / "config.schema.yaml")).splitlines()
    heads = [row for row in rows if row.startswith("| **where")]
    assert heads == [
        "| **where `source` is `github`** | | | |",
        "| **where `source` is `stackexchange`** | | | |",
        "| **where `source` is `instagram`** | | | |",
        "| **where `model` is `bag`** | | | |",
        "| **where `model` is `multilabel`** | | | |",
        "| **where `model` is `users`** | | | |",
    ]
    site = next(row for row in rows if "`study.NAME.scrape.site`" in row)
    assert rows.index(heads[1]) < rows.index(site) < rows.index(heads[2])
    assert "| `study.NAME.scrape.export` | nothing (null), `json` | null |" in "\n".join(rows)


def test_reference_says_what_a_setting_is_in_each_preset():
    train = {
        "presets": {"best": {"epochs": 4}, "old": {"epochs": 3}},
        "properties": {"epochs": {"type": "integer", "description": "Passes."}},
    }
    assert "| `epochs` | a whole number | best: 4; old: 3 | Passes. |" in reference(train)


def test_reference_says_what_a_setting_within_a_block_is_in_each_preset():
    size = {"type": "integer", "default": 5, "description": "Rows."}
    train = {
        "presets": {"best": {"words": {}}, "old": {"words": {"size": 0}}},
        "properties": {"words": {"properties": {"size": size}}},
    }
    assert "| `words.size` | a whole number | best: 5; old: 0 | Rows. |" in reference(train)


def test_reference_that_is_shipped_is_up_to_date(root):
    written = (root / "docs" / "configuration.md").read_text()
    assert written == reference(load_schema(root / "rules" / "config.schema.yaml"))
