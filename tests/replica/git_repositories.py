"""Real git repositories for tests, in a few milliseconds each."""

import json
import subprocess
from pathlib import Path


def write_repository(path: Path, files: dict[str, str | bytes], commits: int = 1) -> Path:
    """A bare repository at `path` with `files` at its head; none at all where there are no files."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", path], check=True)
    stream = b""
    for commit in range(commits if files else 0):
        stream += b"commit refs/heads/main\ncommitter T <t@example.org> %d +0000\n" % (1_700_000_000 + commit)
        stream += b"data 4\ntest\n"
        for name, content in {**files, "COMMIT": str(commit)}.items():
            content = content.encode() if isinstance(content, str) else content
            quoted = json.dumps(name, ensure_ascii=False).encode()
            stream += b"M 100644 inline %b\ndata %d\n%b\n" % (quoted, len(content), content)
    subprocess.run(["git", "-C", path, "fast-import", "--quiet"], input=stream, check=True)
    return path
