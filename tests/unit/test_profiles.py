import yaml


def test_the_default_profile_sets_nothing_that_another_profile_sets(root):
    """profiles/default is loaded beside `--profile sge` and would win over it."""
    settings = {
        name: set(yaml.safe_load((root / "profiles" / name / "config.yaml").read_text()))
        for name in ("default", "sge", "slurm")
    }
    assert not settings["default"] & (settings["sge"] | settings["slurm"])
    assert not settings["default"] & {"cores", "jobs", "executor", "default-resources"}
