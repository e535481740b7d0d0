"""Remote scorers over HTTP: only hosts that the installation allows, no redirects, no surprise addresses, short waits.

A scorer answers `POST` with the JSON {"schema": 1, "objective": NAME, "smiles": [...]} by {"scores": [number or null,
...]}, one for each structure in the same order.
"""

import http.client
import ipaddress
import json
import math
import socket
import ssl
import time
from urllib.parse import urlsplit

from django.conf import settings

from designlab.engine.errors import Refused, SettingRefused

BATCH = 256
TIMEOUT_S = 30.0  # for one batch, connecting included
TRIES, PAUSE_S = 3, 0.5
MAX_ANSWER_BYTES = 1024 * 1024


class ScorerFailed(Refused):
    """A scorer could not be asked, or answered something else than scores; the message is for people."""


def check_host(url: str) -> None:
    """Raise SettingRefused unless the installation allows this scorer's host."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    names = {host, f"{host}:{_port(parts)}"}
    if not names & {name.lower() for name in settings.SCORER_HOSTS}:
        listed = ", ".join(settings.SCORER_HOSTS) or "none"
        raise SettingRefused(
            "url",
            f"the host {host!r} is not among those this installation may ask ({listed}); "
            "whoever runs it can add it to DESIGNLAB_SCORER_HOSTS",
        )


def check_reward_hosts(reward: dict) -> None:
    """Raise SettingRefused naming the first objective, groups included, whose scorer may not be asked."""
    for objective in reward.get("objectives", []):
        source = objective.get("source", {})
        if source.get("kind") == "remote":
            try:
                check_host(source["url"])
            except SettingRefused as refusal:
                raise SettingRefused(f"objective {objective['name']!r}.source.url", refusal.problem) from refusal
        check_reward_hosts(objective)


def score(url: str, objective: str, smiles: list[str]) -> list[float | None]:
    """The scores of these structures, None where the scorer has none. Raises ScorerFailed or SettingRefused."""
    check_host(url)
    found: list[float | None] = []
    for start in range(0, len(smiles), BATCH):
        found += _batch(url, objective, list(smiles[start : start + BATCH]))
    return found


def test_scorer(url: str, objective: str, smiles: list[str]) -> dict:
    """Ask a scorer once about a few structures: `ok`, a `sentence`, its `scores` and the `seconds` it took."""
    started = time.monotonic()
    try:
        check_host(url)
        scores = _ask(url, objective, smiles)
    except Refused as refusal:
        problem = refusal.problem if isinstance(refusal, SettingRefused) else str(refusal)
        return {"ok": False, "sentence": problem[:1].upper() + problem[1:], "scores": [], "seconds": 0.0}
    seconds = time.monotonic() - started
    n = sum(value is not None for value in scores)
    sentence = f"The scorer answered in {seconds:.1f} s with {n} scores for {len(smiles)} structures."
    return {"ok": n > 0, "sentence": sentence, "scores": scores, "seconds": round(seconds, 3)}


test_scorer.__test__ = False  # the name says what the button does; pytest is not to collect it


def _batch(url: str, objective: str, smiles: list[str]) -> list[float | None]:
    for attempt in range(1, TRIES + 1):
        try:
            return _ask(url, objective, smiles)
        except ScorerFailed:
            if attempt == TRIES:
                raise
            time.sleep(PAUSE_S * attempt)
    raise AssertionError("unreachable")


def _ask(url: str, objective: str, smiles: list[str]) -> list[float | None]:
    body = json.dumps({"schema": 1, "objective": objective, "smiles": smiles}).encode()
    where = urlsplit(url).netloc
    connection = _connection(url)
    try:
        path = urlsplit(url)._replace(scheme="", netloc="", fragment="").geturl() or "/"
        connection.request("POST", path, body, {"Content-Type": "application/json", "Accept": "application/json"})
        answer = connection.getresponse()
        content = _content(answer, where)
        status = answer.status
    except (OSError, http.client.HTTPException) as problem:
        raise ScorerFailed(f"The scorer {where} cannot be reached or broke off ({problem}).") from problem
    finally:
        connection.close()
    if 300 <= status < 400:
        raise ScorerFailed(f"The scorer {where} points elsewhere (HTTP {status}); write its final address instead.")
    if status != 200:
        raise ScorerFailed(f"The scorer {where} answered HTTP {status}.")
    return _scores(content, len(smiles), where)


def _content(answer: http.client.HTTPResponse, where: str) -> bytes:
    """The answer's body, within the size and the time allowed: a trickle of bytes would outlast a socket's timeout."""
    until, parts, size = time.monotonic() + TIMEOUT_S, [], 0
    while part := answer.read1(65536):
        size += len(part)
        parts.append(part)
        if size > MAX_ANSWER_BYTES:
            raise ScorerFailed(f"The scorer {where} sends more than {MAX_ANSWER_BYTES // 1024:,} kB.")
        if time.monotonic() > until:
            raise ScorerFailed(f"The scorer {where} takes longer than {TIMEOUT_S:.0f} s to answer.")
    return b"".join(parts)


def _connection(url: str) -> http.client.HTTPConnection:
    """A connection to the very address that was checked, so that a name cannot resolve otherwise a moment later."""
    parts = urlsplit(url)
    address = _address(parts.hostname or "", _port(parts))
    link: socket.socket = socket.create_connection((address, _port(parts)), timeout=TIMEOUT_S)
    if parts.scheme == "https":
        link = ssl.create_default_context().wrap_socket(link, server_hostname=parts.hostname)
    connection = http.client.HTTPConnection(parts.hostname or "", _port(parts), timeout=TIMEOUT_S)
    connection.sock = link
    return connection


def _address(host: str, port: int) -> str:
    """The first address of a host. Raises ScorerFailed for private ones, unless the installation allows them."""
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except OSError as problem:
        raise ScorerFailed(f"The scorer's host {host!r} is not known ({problem}).") from problem
    if not settings.SCORER_PRIVATE:
        for text in found:
            if not ipaddress.ip_address(text.partition("%")[0]).is_global:
                raise ScorerFailed(
                    f"The scorer's host {host!r} lies inside a private network ({text}). Whoever runs this "
                    "installation can allow that with DESIGNLAB_SCORER_PRIVATE."
                )
    return found[0]


def _port(parts) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _scores(content: bytes, n: int, where: str) -> list[float | None]:
    try:
        scores = json.loads(content)["scores"]
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise ScorerFailed(f'The scorer {where} did not answer with JSON that holds "scores".') from problem
    if not isinstance(scores, list) or len(scores) != n:
        given = len(scores) if isinstance(scores, list) else "no list of"
        raise ScorerFailed(f"The scorer {where} gave {given} scores for {n} structures.")
    for value in scores:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (number and math.isfinite(value)):
            raise ScorerFailed(f"The scorer {where} gave {value!r:.40} where a number or null was due.")
    return [None if value is None else float(value) for value in scores]
