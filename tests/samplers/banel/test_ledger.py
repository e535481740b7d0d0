"""The budget is exact, from rows alone, whatever dies when."""

import pytest

from samplers.banel.ledger import REPLICATE, Candidate, Ledger
from samplers.errors import ConfigError


def candidates(*keys, arm="filtered"):
    return [Candidate(key, key, (ord(key[0]),), arm) for key in keys]


class Counting:
    """Counts the distinct entries it is asked about; dies before, or after, telling its n-th answer."""

    def __init__(self, verdict="fail", dies_at=None):
        self.verdict, self.dies_at, self.asked, self.seen = verdict, dies_at, 0, set()

    def __call__(self, entries):
        for entry in entries:
            self.seen.add(entry.index)
            self.asked += 1
            if self.asked == self.dies_at:
                raise KeyboardInterrupt
            yield entry.index, self.verdict


def test_a_budget_is_spent_to_the_last_and_never_past_it():
    ledger, oracle = Ledger(10), Counting()
    for number in range(4):
        ledger.request(number, candidates(*(f"{'abcd'[number]}{i}" for i in range(4))))
        ledger.ask(oracle)
    assert ledger.nre == oracle.asked == 10
    assert [len(ledger.of_round(number)) for number in range(4)] == [4, 4, 2, 0]
    assert (ledger.n_left, ledger.total_cost) == (0, 10.0)


def test_repeats_are_free_and_listed_and_replicates_are_charged():
    ledger = Ledger(10)
    ledger.request(0, candidates("a", "b", "a") + candidates("b", arm=REPLICATE))
    ledger.ask(Counting())
    ledger.request(1, candidates("a", "c"))
    assert [(e.key, e.charged) for e in ledger.entries] == [
        ("a", True), ("b", True), ("a", False), ("b", True), ("a", False), ("c", True)
    ]  # fmt: skip
    assert ledger.nre == 4
    assert [e.verdict for e in ledger.entries] == ["fail", "fail", "fail", "fail", "fail", ""]


def test_what_was_not_tested_is_charged_again_when_sent_again():
    ledger = Ledger(10)
    ledger.request(0, candidates("a", "b"))
    ledger.answer(0, "not tested")
    ledger.answer(1, "not made")
    ledger.request(1, candidates("a", "b"))
    assert [(e.key, e.charged) for e in ledger.of_round(1)] == [("a", True), ("b", False)]


@pytest.mark.parametrize("dies_at", range(1, 7))
def test_a_crash_in_the_middle_of_a_round_neither_loses_nor_charges_twice(tmp_path, dies_at):
    path, dying = tmp_path / "ledger.jsonl", Counting(dies_at=dies_at)
    ledger = Ledger(6, path=path)
    ledger.request(0, candidates(*"abcdef"))
    with pytest.raises(KeyboardInterrupt):
        ledger.ask(dying)
    again = Ledger(6, path=path)
    assert (again.nre, again.n_left) == (6, 0)
    assert len(again.pending) == 7 - dies_at
    after = Counting()
    again.ask(after)
    assert dying.seen | after.seen == set(range(6))
    assert len(dying.seen) + len(after.seen) == 7  # one was under way when the process died, under the same index
    assert [e.verdict for e in Ledger(6, path=path).entries] == ["fail"] * 6


def test_a_line_half_written_was_never_requested(tmp_path):
    path = tmp_path / "ledger.jsonl"
    Ledger(6, path=path).request(0, candidates("a"))
    with path.open("a") as file:
        file.write('{"event": "request", "entries": [{"ind')
    again = Ledger(6, path=path)
    assert again.nre == 1
    again.request(0, candidates("b"))
    assert [e.key for e in Ledger(6, path=path).entries] == ["a", "b"]


def test_another_verdict_needs_the_first_withdrawn(tmp_path):
    ledger = Ledger(6, path=tmp_path / "ledger.jsonl")
    ledger.request(0, candidates("a"))
    ledger.answer(0, "fail")
    ledger.answer(0, "fail")
    with pytest.raises(ConfigError, match=r"a \(number 0\) is fail already; withdraw it first"):
        ledger.answer(0, "pass")
    ledger.withdraw(0)
    assert Ledger(6, path=tmp_path / "ledger.jsonl").entries[0].withdrawn
    assert ledger.first_with("fail") == []
    with pytest.raises(ConfigError, match="number 3 was never requested"):
        ledger.answer(3, "fail")
    with pytest.raises(ConfigError, match="must be one of pass, fail"):
        ledger.answer(0, "perhaps")


@pytest.mark.parametrize(
    ("told", "together"),
    [(("fail", "fail", "pass"), "fail"), (("pass", "fail"), "inconclusive"), (("inconclusive", "pass"), "pass")],
)
def test_replicates_decide_together(told, together):
    ledger = Ledger(6)
    ledger.request(0, candidates("a") + candidates(*"a" * (len(told) - 1), arm=REPLICATE))
    for index, verdict in enumerate(told):
        ledger.answer(index, verdict)
    assert ledger.verdict("a") == together


def test_another_file_is_refused(tmp_path):
    (tmp_path / "x").write_text('{"hello": 1}\n')
    with pytest.raises(ConfigError, match="is not a ledger of this kind"):
        Ledger(6, path=tmp_path / "x")
