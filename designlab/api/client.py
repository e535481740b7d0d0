"""A Python client for DesignLab's interface. One file, no dependency: copy it to where you need it.

    lab = DesignLab("https://designlab.example", token="dlab_...")
    data = lab.wait_for_import(lab.upload("assay.csv")["id"], labels=["logS"])
    campaign = lab.create_campaign("Soluble", data["id"], goal={"label": "logS", "direction": "maximize"})
    run = lab.wait_for_run(lab.create_run(campaign["id"], generator="gflownet", minutes=10)["id"])
    for candidate in lab.candidates(run["id"], new="1"):
        print(candidate["label"], candidate["structure"], candidate["reward"])

Every change carries an idempotency key, so that a request repeated after a broken connection is done once.
"""

import json
import mimetypes
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

Row = dict[str, Any]
TRIES = 4
LONGEST_WAIT_S = 30
BUSY = {502, 503, 504}


class Refused(Exception):
    """The server refused; the message is its sentence, `status` its number, `field` what it is about."""

    def __init__(self, status: int, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.status, self.field = status, field


class DesignLab:
    """One installation, seen by one token."""

    def __init__(self, address: str, token: str, *, timeout_s: float = 60.0) -> None:
        self.base = address.rstrip("/") + "/api/v1"
        self.token, self.timeout_s = token, timeout_s

    # -- who and what ------------------------------------------------------------------------------
    def me(self) -> Row:
        """The person, the team and the rights of the token."""
        return self._get("/me")

    def generators(self, kind: str = "molecule") -> list[Row]:
        """The families of generators with their settings."""
        return self._ask("GET", "/generators", query={"kind": kind})

    def events(self) -> Iterator[Row]:
        """What happened in the team, newest first."""
        return self._pages("/events")

    # -- data --------------------------------------------------------------------------------------
    def datasets(self) -> Iterator[Row]:
        """The team's data sets, newest first."""
        return self._pages("/datasets")

    def dataset(self, pk: int) -> Row:
        """One data set."""
        return self._get(f"/datasets/{pk}")

    def upload(self, path: str | Path, *, name: str = "", previous: int | None = None) -> Row:
        """Upload a file; `previous` makes it the next version of that data set."""
        fields = {"name": name} | ({} if previous is None else {"previous": str(previous)})
        return self._send_file("/datasets", Path(path), fields)

    def wait_for_import(
        self, pk: int, *, structure: str | None = None, labels: Sequence[str] | None = None, within_s: float = 3600.0
    ) -> Row:
        """Answer which columns to take, and wait until the data set is imported."""

        def imported() -> Row | None:
            data = self.dataset(pk)
            if data["status"] == "asking":
                told = {"structure": structure, "labels": None if labels is None else list(labels)}
                self._post(f"/datasets/{pk}/import", told)
            if data["status"] == "refused":
                raise Refused(422, data["message"])
            return data if data["status"] == "ready" else None

        return self._wait(imported, within_s, f"data set {pk} is not imported")

    # -- campaigns and runs ------------------------------------------------------------------------
    def campaigns(self) -> Iterator[Row]:
        """The team's campaigns, newest first."""
        return self._pages("/campaigns")

    def campaign(self, pk: int) -> Row:
        """One campaign, with the models that its reward needs."""
        return self._get(f"/campaigns/{pk}")

    def create_campaign(
        self, name: str, labelled: int, *, goal: Mapping[str, Any] | None = None,
        reward: Mapping[str, Any] | None = None, unlabelled: int | None = None, notes: str = "",
        within_s: float = 3600.0,
    ) -> Row:  # fmt: skip
        """A new campaign; returns when the models that its reward needs are learned."""
        told = {"name": name, "labelled": labelled, "unlabelled": unlabelled, "notes": notes}
        told |= {"goal": dict(goal)} if goal else {}
        told |= {"reward": dict(reward)} if reward else {}
        made = self._post("/campaigns", told)

        def learned() -> Row | None:
            campaign = self.campaign(made["id"])
            for model in campaign["models"]:
                if model["status"] == "failed":
                    raise Refused(422, model["message"])
            return campaign if all(model["status"] == "ready" for model in campaign["models"]) else None

        return self._wait(learned, within_s, f"the models of campaign {made['id']} are not learned")

    def create_run(
        self, campaign: int, *, generator: str, settings: Mapping[str, Any] | None = None, seed: int = 1,
        evaluations: int | None = None, minutes: float | None = None, device: str = "auto", start: bool = True,
    ) -> Row:  # fmt: skip
        """A new run, which begins at once unless told otherwise."""
        told = {"generator": generator, "settings": dict(settings or {}), "seed": seed, "device": device,
                "evaluations": evaluations, "minutes": minutes, "start": start}  # fmt: skip
        return self._post(f"/campaigns/{campaign}/runs", told)

    def run(self, pk: int) -> Row:
        """One run."""
        return self._get(f"/runs/{pk}")

    def pause(self, pk: int) -> Row:
        """Pause a run."""
        return self._post(f"/runs/{pk}/pause")

    def start(self, pk: int) -> Row:
        """Begin a draft, or go on with a paused run."""
        return self._post(f"/runs/{pk}/start")

    def stop(self, pk: int) -> Row:
        """Stop a run for good; its results are kept."""
        return self._post(f"/runs/{pk}/stop")

    def wait_for_run(self, pk: int, *, within_s: float = 7 * 86_400.0) -> Row:
        """Wait until a run is done, stopped or failed; a paused run is waited for no longer."""

        def ended() -> Row | None:
            run = self.run(pk)
            return run if run["status"] in {"done", "stopped", "failed", "paused"} else None

        return self._wait(ended, within_s, f"run {pk} has not ended")

    # -- candidates --------------------------------------------------------------------------------
    def candidates(self, run: int, **filters: str) -> Iterator[Row]:
        """The candidates of a run, best first; filters as in the address of the page: new="1", holds="c1ccccc1"."""
        return self._pages(f"/runs/{run}/candidates", filters)

    def download(self, run: int, to: str | Path, **filters: str) -> Path:
        """The list as a file; its kind is told by the ending: .csv, .sdf, .smi, .xlsx, .json, .parquet."""
        path = Path(to)
        kind = path.name.partition(".")[2]
        with (
            self._open("GET", f"/runs/{run}/candidates.{quote(kind)}", query=filters) as answer,
            path.open("wb") as out,
        ):
            while chunk := answer.read(1 << 16):
                out.write(chunk)
        return path

    # -- results -----------------------------------------------------------------------------------
    def results(self, campaign: int) -> Iterator[Row]:
        """Measured values of a campaign, newest first."""
        return self._pages(f"/campaigns/{campaign}/results")

    def tell_results(self, campaign: int, label: str, values: Mapping[int, float | str]) -> Row:
        """Tell measured values by the id of the candidate."""
        told = {"label": label, "values": {str(pk): str(value) for pk, value in values.items()}}
        return self._post(f"/campaigns/{campaign}/results", told)

    def next_data(self, campaign: int) -> Row:
        """The campaign's data with all results, as their next version."""
        return self._post(f"/campaigns/{campaign}/next-data")

    # -- reviews -----------------------------------------------------------------------------------
    def reviews(self) -> Iterator[Row]:
        """The team's review rounds, newest first."""
        return self._pages("/reviews")

    def review(self, pk: int) -> Row:
        """One round with its molecules, and the votes that are open to the token's person."""
        return self._get(f"/reviews/{pk}")

    def send_to_review(
        self, run: int, title: str, candidates: Sequence[int], reviewers: Sequence[str], **more: Any
    ) -> Row:
        """Send candidates to colleagues; `more` as in the interface: question, due, blinded, each, repeats."""
        told = {"title": title, "candidates": list(candidates), "reviewers": list(reviewers), **more}
        return self._post(f"/runs/{run}/reviews", told)

    def vote(self, review: int, item: int, value: int, **more: Any) -> Row:
        """Vote on a molecule from 1 (drop) to 5 (make it); `more`: reasons, comment, marks, again."""
        return self._post(f"/reviews/{review}/votes", {"item": item, "value": value, **more})

    def decide(self, review: int, items: Sequence[int], decision: str) -> Row:
        """Make, hold, drop or open molecules of a round again."""
        return self._post(f"/reviews/{review}/decisions", {"items": list(items), "decision": decision})

    def freeze(self, review: int) -> Row:
        """Close a round for good."""
        return self._post(f"/reviews/{review}/freeze")

    # -- learning from failures --------------------------------------------------------------------
    def start_search(
        self, name: str, like: int, *, failed: Mapping[str, Any] | None = None, campaign: int | None = None,
        rounds: Mapping[str, Any] | None = None, prior: Mapping[str, Any] | None = None, seed: int = 1,
    ) -> Row:  # fmt: skip
        """Begin to learn from failures."""
        told = {"name": name, "like": like, "failed": dict(failed) if failed else None, "campaign": campaign,
                "rounds": dict(rounds or {}), "prior": dict(prior or {}), "seed": seed}  # fmt: skip
        return self._post("/searches", told)

    def search(self, pk: int) -> Row:
        """One search."""
        return self._get(f"/searches/{pk}")

    def rounds(self, search: int) -> list[Row]:
        """The rounds of a search with their wells."""
        return self._ask("GET", f"/searches/{search}/rounds")

    def propose(self, search: int, *, within_s: float = 3600.0) -> Row:
        """Wait until a search is ready, ask for its next round, and return that round with its wells."""

        def resting(*wanted: str) -> Callable[[], Row | None]:
            def look() -> Row | None:
                found = self.search(search)
                if found["status"] == "failed":
                    raise Refused(422, found["message"])
                return found if found["status"] in wanted else None

            return look

        found = self._wait(resting("ready", "open"), within_s, f"search {search} is still being prepared")
        if found["status"] == "ready":
            self._post(f"/searches/{search}/propose")
            self._wait(resting("open"), within_s, f"search {search} has not drawn its round")
        return self.rounds(search)[-1]

    def tell_verdicts(self, search: int, verdicts: Mapping[int, str]) -> Row:
        """Tell verdicts by the id of the well: pass, fail, not made, inconclusive, not tested."""
        return self._post(f"/searches/{search}/verdicts", {"verdicts": {str(k): v for k, v in verdicts.items()}})

    def learn(self, search: int) -> Row:
        """Learn from the verdicts that are in, and draw the next round."""
        return self._post(f"/searches/{search}/learn")

    # -- how it is asked ---------------------------------------------------------------------------
    def _get(self, path: str) -> Row:
        return self._ask("GET", path)

    def _post(self, path: str, told: Mapping[str, Any] | None = None) -> Row:
        body = json.dumps(told or {}).encode()
        return self._ask("POST", path, body=body, headers={"Content-Type": "application/json"})

    def _send_file(self, path: str, file: Path, fields: Mapping[str, str]) -> Row:
        edge = uuid.uuid4().hex
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        parts = [f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
                 for name, value in fields.items()]  # fmt: skip
        shown = file.name.replace("\\", "_").replace('"', "_").replace("\r", "_").replace("\n", "_")
        said = f'Content-Disposition: form-data; name="file"; filename="{shown}"\r\nContent-Type: {kind}'
        body = b"".join(
            [*parts, f"--{edge}\r\n{said}\r\n\r\n".encode(), file.read_bytes(), f"\r\n--{edge}--\r\n".encode()]
        )
        return self._ask("POST", path, body=body, headers={"Content-Type": f"multipart/form-data; boundary={edge}"})

    def _pages(self, path: str, filters: Mapping[str, str] | None = None) -> Iterator[Row]:
        cursor = ""
        while cursor is not None:
            page = self._ask("GET", path, query={**(filters or {}), "cursor": cursor})
            yield from page["items"]
            cursor = page["next"]

    def _ask(self, method: str, path: str, **what: Any) -> Any:
        with self._open(method, path, **what) as answer:
            return json.load(answer)

    def _open(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:  # fmt: skip
        address = self.base + path + (f"?{urlencode(query)}" if query else "")
        sent = {"Authorization": f"Bearer {self.token}", "Accept": "application/json", **(headers or {})}
        if method == "POST":
            sent["Idempotency-Key"] = uuid.uuid4().hex
        for attempt in range(TRIES):
            last = attempt == TRIES - 1
            try:
                return urlopen(Request(address, data=body, headers=sent, method=method), timeout=self.timeout_s)  # noqa: S310
            except HTTPError as error:
                wait_s = error.headers.get("Retry-After")  # said where the same request will do later
                if last or not (wait_s or error.code in BUSY):
                    raise _refusal(error) from error
                if wait_s and wait_s.isdecimal():
                    time.sleep(min(int(wait_s), LONGEST_WAIT_S))
                    continue
            except URLError:
                if last:
                    raise
            time.sleep(0.5 * 2**attempt)
        raise AssertionError("every attempt returns or raises")

    @staticmethod
    def _wait(look: Callable[[], Row | None], within_s: float, words: str) -> Row:
        end, pause = time.monotonic() + within_s, 0.2
        while time.monotonic() < end:
            found = look()
            if found is not None:
                return found
            time.sleep(pause)
            pause = min(5.0, pause * 1.4)
        raise TimeoutError(f"After {within_s:.0f} s {words}.")


def _refusal(error: HTTPError) -> Refused:
    try:
        told = json.loads(error.read())
        return Refused(error.code, told["detail"], told.get("field"))
    except (ValueError, KeyError, TypeError):
        return Refused(error.code, f"The server answered {error.code} without a reason.")
