"""The code of CONTRIBUTING.md runs as written."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parent.parent / "CONTRIBUTING.md"


def test_code_blocks_run() -> None:
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```", PAGE.read_text(), re.S | re.M)
    assert len(blocks) == 6
    code = "\n".join(
        "\n".join(line.removeprefix(indent) for line in block.splitlines())
        for indent, block in blocks
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
