"""Two directions nobody breaks, and a web process that starts light."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def imports(folder):
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((path.relative_to(ROOT), alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield from ((path.relative_to(ROOT), f"{node.module}.{alias.name}") for alias in node.names)


def test_the_library_knows_nothing_of_the_web():
    for path, name in imports("samplers"):
        assert name.split(".")[0] not in {"django", "celery", "redis", "designlab"}, (path, name)


def test_only_the_engine_reaches_the_library_and_only_its_facade():
    for path, name in imports("designlab"):
        if name.split(".")[0] in {"samplers", "torch", "rdkit", "sklearn"}:
            assert path.is_relative_to("designlab/engine"), (path, name)
            assert f"{name}.".startswith("samplers.api."), (path, name)


def loaded_by(statements: str, heavy: str) -> str:
    """Which of the heavy packages a new interpreter holds after these statements."""
    code = f"{statements}; import sys; print(*sorted(set({heavy.split()!r}) & set(sys.modules)))"
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["designlab.urls", "designlab.campaigns.tasks", "designlab.datasets.tasks"])
def test_the_web_process_starts_without_torch(module):
    assert loaded_by(f"import django; django.setup(); import {module}", "torch rdkit sklearn") == ""


def test_the_facade_loads_neither_torch_nor_rdkit():
    assert loaded_by("import samplers.api", "torch rdkit numpy sklearn") == ""
