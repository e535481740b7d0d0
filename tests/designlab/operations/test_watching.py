"""What machines ask: readiness, figures; and lines that carry ids and nothing of what they are about."""

import io
import json
import logging
import re
import socket
import time
from datetime import timedelta

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from designlab.campaigns.models import Run
from designlab.common import env, heartbeat, logs, traffic
from designlab.operations import readiness, selectors
from tests.designlab import factories

TOKEN = "a-token-for-the-figures"
SECRET = "CC(=O)Oc1ccccc1C(=O)O"


@pytest.fixture
def all_there(monkeypatch):
    monkeypatch.setattr(readiness, "redis_answers", lambda: True)
    selectors.tell_alive("cpu-1")


@pytest.fixture
def lines():
    """Lines of the root logger as the settings would write them, by the formatter that is chosen."""
    out, handlers = io.StringIO(), []

    def begin(formatter):
        handler = logging.StreamHandler(out)
        handler.setFormatter(formatter)
        handler.addFilter(logs.Context())
        logging.getLogger().addHandler(handler)
        handlers.append(handler)
        return out

    level = logging.getLogger().level
    logging.getLogger().setLevel("INFO")
    yield begin
    logging.getLogger().setLevel(level)
    for handler in handlers:
        logging.getLogger().removeHandler(handler)


@pytest.mark.django_db
def test_ready_when_everything_is_there(client, all_there):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (200, b"ready\n")


@pytest.mark.django_db
def test_not_ready_without_a_worker(client, monkeypatch):
    monkeypatch.setattr(readiness, "redis_answers", lambda: True)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.content.decode() == readiness.NO_WORKER + "\n"


@pytest.mark.django_db
def test_a_silent_redis_is_told_of_soon(client, settings):
    with socket.socket() as silent:  # takes connections, and never says a word
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings.REDIS_URL = f"redis://:hidden-password@127.0.0.1:{silent.getsockname()[1]}/0"
        began = time.monotonic()
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.content.decode() == readiness.NO_REDIS + "\n"
    assert time.monotonic() - began < 5


def test_a_lost_database_is_named(client, all_there, monkeypatch):
    class Lost:
        def cursor(self):
            raise DatabaseError("password=hidden")

        def close(self):
            pass

    monkeypatch.setattr(readiness, "connection", Lost())
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content.decode()) == (503, readiness.NO_DATABASE + "\n")


def test_a_worker_that_ends_leaves_the_others_listening():
    for name in ("cpu-1", "cpu-2"):
        selectors.tell_alive(name)
    selectors.tell_ended("cpu-1")
    assert selectors.workers() == ["cpu-2"]
    assert selectors.worker_listening()
    selectors.tell_ended("cpu-2")
    assert not selectors.worker_listening()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("token", "sent", "status"),
    [("", f"Bearer {TOKEN}", 404), (TOKEN, "", 401), (TOKEN, "Bearer wrong", 401), (TOKEN, f"Bearer {TOKEN}", 200)],
)
def test_figures_are_for_the_holder_of_the_token(client, settings, token, sent, status):
    settings.METRICS_TOKEN = token
    assert client.get("/metrics", headers={"Authorization": sent} if sent else {}).status_code == status


SAMPLE = re.compile(r'[a-z_]+(\{[a-z]+="[^"\n]*"(,[a-z]+="[^"\n]*")*\})? -?[0-9.e+-]+')


def figures(client, settings) -> dict[str, float]:
    settings.METRICS_TOKEN = TOKEN
    text = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(SAMPLE.fullmatch(line) for line in samples), samples
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in samples)}


@pytest.mark.django_db
def test_a_request_is_counted_under_its_view_and_status(client, settings):
    series = 'designlab_requests_total{method="GET",view="healthz",status="200"}'
    before = figures(client, settings).get(series, 0)
    client.get("/healthz")
    assert figures(client, settings)[series] == before + 1


@pytest.mark.django_db
def test_buckets_of_times_add_up(client, settings, monkeypatch):
    monkeypatch.setattr(traffic, "_times", {})
    for seconds in (0.001, 0.05, 0.3, 99.0):
        traffic.count("GET", "page", 200, seconds)
    found = figures(client, settings)
    below = [found[f'designlab_request_seconds_bucket{{view="page",le="{bound}"}}'] for bound in (0.01, 0.05, 0.5)]
    assert below == [1, 2, 3]
    assert found['designlab_request_seconds_bucket{view="page",le="+Inf"}'] == 4
    assert found['designlab_request_seconds_sum{view="page"}'] == pytest.approx(99.351)


@pytest.mark.django_db
def test_runs_are_counted_by_status_and_a_silent_worker_is_a_stale_lease(client, settings):
    team = factories.make_team()
    owner = factories.make_user(team)
    campaign = factories.make_campaign(team, owner)
    factories.make_run(campaign, owner)
    long_ago = timezone.now() - timedelta(hours=1)
    for beat in (long_ago, timezone.now()):
        factories.make_run(campaign, owner, status=Run.Status.RUNNING, lease_owner="w", heartbeat_at=beat)
    found = figures(client, settings)
    assert found['designlab_runs{status="done"}'] == 1
    assert found['designlab_runs{status="running"}'] == 2
    assert found['designlab_stale_leases{of="run"}'] == 1


@pytest.mark.django_db
def test_without_redis_its_figures_are_absent_and_not_zero(client, settings):
    found = figures(client, settings)  # the settings of the tests name a socket that is not there
    assert found["designlab_redis_up"] == 0
    assert "designlab_workers" not in found


@pytest.mark.django_db
def test_queues_and_workers_are_counted(client, settings, all_there, monkeypatch):
    class Queues:
        __enter__ = lambda self: self  # noqa: E731
        __exit__ = lambda self, *_: None  # noqa: E731
        llen = {"cpu": 3, "gpu": 0}.get

    monkeypatch.setattr(readiness, "client", Queues)
    found = figures(client, settings)
    assert (found['designlab_queue_depth{queue="cpu"}'], found["designlab_workers"]) == (3, 1)


@pytest.mark.parametrize("given", ["7f3a-1.x_9", "A" * 64])
def test_a_well_formed_id_is_kept(client, given):
    assert client.get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "A" * 65, "a b", "a\u00e9", "C1=CC", '"quoted"', "-x"])
def test_any_other_id_is_replaced(client, given):
    made = client.get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", made)


@pytest.mark.django_db
def test_every_line_of_a_request_carries_its_id_and_no_search(lines):
    out = lines(logs.JsonLine())
    Client().get(f"/nowhere/{SECRET}?substructure={SECRET}", headers={"X-Request-ID": "abc-1"})
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert {line["logger"] for line in told} == {"designlab.request", "django.request"}
    assert {line["request"] for line in told} == {"abc-1"}
    assert SECRET not in out.getvalue()


@pytest.mark.parametrize("formatter", [logs.JsonLine(), logs.TextLine()], ids=["json", "text"])
def test_an_exception_is_told_by_kind_and_place_and_not_by_its_words(lines, formatter):
    out = lines(formatter)
    try:
        try:
            raise ValueError(SECRET)
        except ValueError as cause:
            raise RuntimeError(f"about {SECRET}") from cause
    except RuntimeError as problem:
        logging.getLogger("designlab.x").exception("run %s: failed: %s", 7, problem)
        logging.getLogger("designlab.x").error(problem)
    text = out.getvalue()
    assert SECRET not in text
    assert "run 7: failed: RuntimeError" in text
    assert "ValueError" in text
    assert "test_watching.py" in text


def test_celery_does_not_quote_what_a_task_raised(lines):
    from celery import shared_task

    @shared_task
    def breaks(text):
        raise ValueError(text)

    out = lines(logs.TextLine())
    breaks.apply(args=[SECRET])
    assert "raised unexpected: ValueError" in out.getvalue()
    assert SECRET not in out.getvalue()


def test_lines_name_the_run_and_the_task_also_from_the_heartbeat(lines):
    out = lines(logs.TextLine())
    log = logging.getLogger("designlab.x")
    with logs.telling(run=7), logs.telling(task="t"), heartbeat.beating("it", lambda: log.info("beat"), every_s=0.01):
        end = time.monotonic() + 30
        while "beat" not in out.getvalue() and time.monotonic() < end:
            time.sleep(0.01)
    log.info("after")
    first, *_, last = out.getvalue().splitlines()
    assert first.endswith("beat [run 7, task t]")
    assert last.endswith("after")


def test_a_line_break_does_not_make_a_second_line(lines):
    out = lines(logs.TextLine())
    logging.getLogger("designlab.x").info("one\n2026-01-01 INFO root: forged")
    assert len(out.getvalue().splitlines()) == 1


def test_a_short_secret_is_refused_without_showing_it(monkeypatch):
    monkeypatch.setenv("DESIGNLAB_METRICS_TOKEN", "short-one")
    with pytest.raises(ImproperlyConfigured, match="DESIGNLAB_METRICS_TOKEN has 9 signs") as refused:
        env.secret("DESIGNLAB_METRICS_TOKEN")
    assert "short-one" not in str(refused.value)


def test_a_log_format_that_is_none_stops_the_start(monkeypatch):
    monkeypatch.setenv("DESIGNLAB_LOG_FORMAT", "xml")
    with pytest.raises(ImproperlyConfigured, match="must be one of text, json"):
        env.choice("DESIGNLAB_LOG_FORMAT", "text", logs.FORMATS)


def test_a_worker_waits_out_a_redis_that_restarts(monkeypatch):
    from designlab.operations import signals

    told = []

    def tell(name):
        told.append(name)
        if len(told) == 1:
            raise redis.exceptions.ConnectionError
        signals._stopped.set()

    monkeypatch.setattr(signals, "tell_alive", tell)
    monkeypatch.setattr(signals, "PATIENCE_S", 0.06)
    signals._keep_telling("cpu-1")
    signals._stopped.clear()
    assert told == ["cpu-1", "cpu-1"]
