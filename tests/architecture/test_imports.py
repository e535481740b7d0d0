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


@pytest.mark.parametrize("module", ["designlab.urls", "designlab.campaigns.tasks", "designlab.datasets.tasks"])
def test_the_web_process_starts_without_torch(module):
    code = (
        f"import django, sys; django.setup(); import {module}; "
        "sys.exit(str({'torch', 'sklearn', 'rdkit'} & set(sys.modules)) if {'torch', 'sklearn', 'rdkit'} & set(sys.modules) else 0)"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_facade_loads_neither_torch_nor_rdkit():
    code = "import sys, samplers.api; sys.exit(str(loaded) if (loaded := {'torch', 'rdkit', 'numpy'} & set(sys.modules)) else 0)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
