"""Remote scorers: what is asked, what is believed, and what is never reached."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from designlab.engine import remote, rewards
from designlab.engine.errors import SettingRefused


class Scorer(BaseHTTPRequestHandler):
    """Scores a structure by its length, or misbehaves as its path says."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        body = json.dumps({"scores": [None if "N" in s else float(len(s)) for s in asked["smiles"]]}).encode()
        status = 200
        if self.path == "/elsewhere":
            status, body = 302, b""
        elif self.path == "/broken":
            status = 500
        elif self.path == "/words":
            body = b"hello"
        elif self.path == "/few":
            body = b'{"scores": []}'
        elif self.path == "/nan":
            body = b'{"scores": [NaN]}'
        elif self.path == "/flood":
            body = b" " * (remote.MAX_ANSWER_BYTES + 1)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 302:
            self.send_header("Location", "http://169.254.169.254/")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *parts):
        """Say nothing."""


@pytest.fixture
def server(settings, monkeypatch):
    with HTTPServer(("127.0.0.1", 0), Scorer) as found:
        found.asked = []
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        settings.SCORER_HOSTS, settings.SCORER_PRIVATE = (f"127.0.0.1:{found.server_port}",), True
        monkeypatch.setattr(remote, "PAUSE_S", 0.0)
        found.url = f"http://127.0.0.1:{found.server_port}"
        yield found
        found.shutdown()
        thread.join()


def test_scores_come_back_in_order_and_in_batches(server, monkeypatch):
    monkeypatch.setattr(remote, "BATCH", 2)
    assert remote.score(f"{server.url}/score", "docking", ["C", "CCN", "CCO"]) == [1.0, None, 3.0]
    assert [one["smiles"] for one in server.asked] == [["C", "CCN"], ["CCO"]]
    assert all(one["objective"] == "docking" and one["schema"] == 1 for one in server.asked)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/elsewhere", "points elsewhere"),
        ("/broken", "HTTP 500"),
        ("/words", "did not answer with JSON"),
        ("/few", "gave 0 scores for 1"),
        ("/nan", "gave nan"),
        ("/flood", "sends more than"),
    ],
)
def test_a_scorer_that_misbehaves_is_a_sentence_and_is_asked_three_times(server, path, said):
    with pytest.raises(remote.ScorerFailed, match=said):
        remote.score(server.url + path, "docking", ["C"])
    assert len(server.asked) == remote.TRIES


def test_a_host_that_is_not_allowed_is_never_asked(server, settings):
    settings.SCORER_HOSTS = ("scorer.example",)
    with pytest.raises(SettingRefused, match="DESIGNLAB_SCORER_HOSTS"):
        remote.score(server.url, "docking", ["C"])
    source = {"kind": "remote", "url": server.url, "objective": "docking"}
    curve = {"kind": "sigmoid", "low": 0, "high": 1}
    leaf = {"name": "dock", "source": source, "transform": curve}
    with pytest.raises(SettingRefused) as refused:
        rewards.check_reward({"name": "t", "objectives": [{"name": "g", "objectives": [leaf]}]})
    assert refused.value.field == "objective 'dock'.source.url"
    assert server.asked == []


def test_a_private_address_is_not_reached_unless_the_installation_says_so(server, settings):
    settings.SCORER_PRIVATE = False
    with pytest.raises(remote.ScorerFailed, match="private network"):
        remote.score(server.url, "docking", ["C"])
    assert server.asked == []


def test_the_test_button_says_in_a_sentence_how_it_went(server, settings):
    went = remote.test_scorer(f"{server.url}/score", "docking", ["CC", "N"])
    assert went["ok"]
    assert went["scores"] == [2.0, None]
    assert "1 scores for 2 structures" in went["sentence"]
    assert "HTTP 500" in remote.test_scorer(f"{server.url}/broken", "docking", ["CC"])["sentence"]
    settings.SCORER_HOSTS = ()
    assert "not among those" in remote.test_scorer(server.url, "docking", ["CC"])["sentence"]
