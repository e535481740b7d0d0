"""What every test may use."""

import os
from pathlib import Path

import pytest
from django.core.cache import cache

from tests.outbound import sitecustomize as outbound

outbound.install()
REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _fresh_cache():
    cache.clear()


@pytest.fixture(autouse=True)
def _one_torch_thread():
    """Two cores are shared by the whole suite; torch, where it is loaded, keeps to one thread."""
    import sys

    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(autouse=True)
def _nothing_leaves_the_machine():
    """Every test is held to it, whatever it catches."""
    yield
    tried, outbound.tried[:] = list(outbound.tried), []
    assert tried == []


@pytest.fixture
def media(settings, tmp_path) -> Path:
    """A storage folder of the test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data that lies beside the project; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("DESIGNLAB_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the reference data are not at {folder}; set DESIGNLAB_DATA to run this test")
    return folder


def pytest_collection_modifyitems(items):
    import importlib.util

    for item in items:
        if item.get_closest_marker("browser"):
            # A browser beside a training on two cores may starve past any limit; a second try is said in the summary.
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=["TimeoutError", r"\(waited \d+ s\)"]))
    wanted = [item for item in items if item.get_closest_marker("cuda")]
    if not wanted:
        return
    available = False
    if importlib.util.find_spec("torch"):
        import torch

        available = torch.cuda.is_available()
    for item in wanted:
        if not available:
            item.add_marker(pytest.mark.skip(reason="no CUDA device on this machine"))
