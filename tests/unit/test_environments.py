"""The conda environments and requirements.txt must not drift apart."""

import pytest
import yaml


def pins(lines) -> dict[str, str]:
    return dict(line.split("==") for line in lines if isinstance(line, str) and "==" in line)


@pytest.mark.parametrize("name", ["crawl", "train", "app"])
def test_an_environment_has_the_same_pins_as_the_requirements(root, name):
    required = pins((root / "requirements.txt").read_text().splitlines())
    environment = yaml.safe_load((root / "envs" / f"{name}.yaml").read_text())
    assert environment["channels"]
    inner = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    assert len(inner) > 3
    for package, version in pins(inner).items():
        assert required[package] == version, f"envs/{name}.yaml: {package}"


def test_every_rule_names_an_environment_that_is_there(root):
    named = {
        line.strip().strip('"').removeprefix("../")
        for file in (root / "rules").glob("*.smk")
        for line in file.read_text().splitlines()
        if "../envs/" in line
    }
    assert named == {f"envs/{name}.yaml" for name in ("crawl", "train", "app")}
    assert all((root / name).is_file() for name in named)


def test_the_apps_folder_has_the_same_pins_as_the_requirements(root):
    required = pins((root / "requirements.txt").read_text().splitlines())
    own = pins((root / "app" / "requirements.txt").read_text().splitlines())
    assert {"gradio", "onnxruntime", "tokenizers"} <= own.keys()
    assert own.items() <= required.items()
    space = yaml.safe_load((root / "app" / "README.md").read_text().split("---")[1])
    assert space["sdk_version"] == own["gradio"]
    assert (root / "app" / space["app_file"]).is_file()
