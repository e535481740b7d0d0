"""Whoever runs an installation finds every setting in its table, and nothing that is none."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
READ = re.compile(r"""env\.\w+\(\s*"([A-Z_]+)\"""")


def test_every_setting_of_the_environment_is_documented():
    read = set(READ.findall((ROOT / "designlab" / "settings.py").read_text())) | {"DATABASE_URL", "DESIGNLAB_REVISION"}
    told = set(
        re.findall(r"`((?:DESIGNLAB_[A-Z_]+|DATABASE_URL|REDIS_URL))", (ROOT / "docs/operations.md").read_text())
    )
    assert told == read
