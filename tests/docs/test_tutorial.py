"""The tutorial is run as a reader would run it, in both languages."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from tests.running import Running

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["tutorial.md", "tutorial.zh.md"])
def test_the_tutorial_works_as_written(page: str, running: Running) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    told = text[text.index("<!-- test:begin -->") : text.index("<!-- test:end -->")]
    script = "set -euo pipefail\n" + "\n".join(re.findall(r"```sh\n(.*?)```", told, re.DOTALL))
    script = script.replace("http://127.0.0.1:8000", running.address).replace(
        "TOKEN=let-me-in", f"TOKEN={running.token}"
    )
    done = subprocess.run(["bash"], input=script, capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"quantity_available" : 8' in done.stdout
    assert '"on_hand_quantity":7' in done.stdout
