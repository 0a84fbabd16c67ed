"""Files of settings in YAML, apart from what may stand in them (garner.configuration)."""

from pathlib import Path

import yaml

from garner.errors import ConfigError


def holds_settings(path: Path | str) -> bool:
    """Whether a file of settings is there and sets anything; ConfigError names the line of a mistake."""
    try:
        value = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}). Expected a YAML file in UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(f"{path}, line {mark.line + 1}: {error.problem}. Mend the YAML there.") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is no YAML: {error}") from None
    if value is not None and not isinstance(value, dict):
        raise ConfigError(f"{path} holds {repr(value)[:60]}. Expected lines of the form `key: value`.")
    return value is not None
