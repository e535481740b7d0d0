"""The structure editor: fetched as pinned or not at all, drawn with under the policy of every page."""

import base64
import hashlib
import importlib.util
import io
import tarfile
import urllib.error
from pathlib import Path

import pytest
from django.conf import settings as installed
from django.urls import reverse

from tests.designlab.waiting import until

ROOT = Path(__file__).resolve().parents[3]
IN_A_BROWSER = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FETCHED = pytest.mark.skipif(
    not installed.STRUCTURE_EDITOR, reason="the structure editor was not fetched; `make editor` does"
)


@pytest.fixture
def fetcher(tmp_path, monkeypatch):
    """The script that fetches it, with a folder of its own."""
    spec = importlib.util.spec_from_file_location("structure_editor", ROOT / "requirements" / "structure_editor.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "FOLDER", tmp_path / "editor")
    return script


def release():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in ("dist/openchemlib.js", "LICENSE", "package.json"):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = 2
            archive.addfile(entry, io.BytesIO(b"//"))
    return file.getvalue()


def test_another_file_than_the_pinned_one_is_refused_in_a_sentence(fetcher, monkeypatch, capsys):
    monkeypatch.setattr(fetcher, "fetch", release)
    fetcher.main()
    assert "is not the release that is pinned" in capsys.readouterr().err and not fetcher.FOLDER.exists()


def test_without_a_connection_the_installation_goes_on_with_a_sentence(fetcher, monkeypatch, capsys):
    def offline(address, timeout):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    fetcher.main()
    assert "structures can be typed; `make editor` tries again" in capsys.readouterr().err


def test_only_the_editor_and_its_licence_are_kept_and_it_is_fetched_once(fetcher, monkeypatch):
    monkeypatch.setattr(fetcher, "SHA512", base64.b64encode(hashlib.sha512(release()).digest()).decode())
    monkeypatch.setattr(fetcher, "fetch", release)
    fetcher.main()
    assert sorted(path.name for path in fetcher.FOLDER.iterdir()) == ["LICENSE", "VERSION", "openchemlib.js"]
    monkeypatch.setattr(fetcher, "fetch", lambda: pytest.fail("fetched again"))
    fetcher.main()


def test_an_unsafe_registry_is_not_asked(fetcher, monkeypatch, capsys):
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://registry.example")
    fetcher.main()
    assert "no address that begins with https://" in capsys.readouterr().err


@pytest.mark.django_db
def test_pages_without_it_offer_no_drawing(lab, signed_in, settings):
    settings.STRUCTURE_EDITOR = False
    for name in ("list", "why_not"):
        html = signed_in(lab.viewer).get(reverse(f"candidates:{name}", args=[lab.run.pk])).content.decode()
        assert 'data-draw="' not in html and "openchemlib" not in html


def open_editor(page, name):
    """Press a button that draws, and wait for the editor."""
    page.wait_for_load_state("load")
    page.get_by_role("button", name=name).click()
    page.locator("#draw-structure[data-ready=yes]").wait_for(timeout=120_000)


class TestInABrowser:
    """Nothing that the browser complains of, and no request to anybody else: see `opened_as`."""

    pytestmark = [*IN_A_BROWSER, FETCHED]

    def test_a_drawn_ring_is_searched_for(self, lab, opened_as):
        page = opened_as(lab.owner, f"/runs/{lab.run.pk}/candidates/", viewport={"width": 1280, "height": 900})
        open_editor(page, "Draw the substructure")
        box = page.locator("[data-canvas]").bounding_box()
        page.mouse.click(box["x"] + 42, box["y"] + 210)  # the tool for a benzene ring
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.get_by_role("button", name="Take this").click()
        page.get_by_text("holding c1ccccc1").first.wait_for(timeout=120_000)
        assert page.locator("#holds").input_value() == "c1ccccc1"

    def test_what_stands_in_the_field_is_drawn_on(self, lab, opened_as):
        page = opened_as(lab.owner, f"/runs/{lab.run.pk}/candidates/")
        page.locator("#like").fill("C1CCNCC1")
        open_editor(page, "Draw the molecule")
        page.get_by_role("button", name="Take this").click()
        page.get_by_text("similarity to C1CCNCC1").first.wait_for(timeout=120_000)
        page.wait_for_load_state("networkidle")
        page.get_by_role("button", name="Draw the substructure").click()
        page.get_by_role("button", name="Cancel").click()
        until(page, "!document.getElementById('draw-structure').open")
        assert page.locator("#holds").input_value() == ""
