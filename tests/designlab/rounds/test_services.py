"""Rounds as durable objects: charged once, answered late and in any order, learned from, undone."""

import random

import pytest

from designlab.common.models import AuditEvent
from designlab.engine.errors import SettingRefused
from designlab.rounds import services, work
from designlab.rounds.files import VerdictsRefused
from designlab.rounds.models import Answer, Round, Search, Well
from designlab.rounds.services import Failed, RoundRefused
from designlab.rounds.tasks import requeue_forgotten
from tests.designlab import factories
from tests.designlab.rounds import small

pytestmark = pytest.mark.django_db
Status = Search.Status


def open_wells(search):
    return list(search.wells.filter(verdict="").select_related("round"))


def ledger(search):
    search.refresh_from_db()
    return search.n_charged, search.wells.count(), [well.index for well in search.wells.all()]


def test_a_search_learns_its_data_and_waits_for_a_person(team, owner):
    search = small.work_off(small.start(team, owner))
    assert (search.status, search.n_charged) == (Status.READY, 0)
    assert search.report["validity"] == 1.0
    assert search.report["perplexity"] > 1
    assert not work.advance(search_id=search.pk, owner="test")


def test_a_round_charges_its_wells_replicates_included(team, owner):
    search = small.opened(team, owner)
    wells = list(search.wells.all())
    assert ledger(search) == (12, 12, list(range(12)))
    assert sum(well.arm == Well.Arm.REPLICATE for well in wells) == 1
    assert sum(well.arm == Well.Arm.PRIOR for well in wells) == 3
    assert wells[0].label == f"S{search.pk}-R1-001"
    assert (wells[0].place, wells[11].place) == ("A1", "A12")
    with pytest.raises(RoundRefused, match="waiting for verdicts"):
        services.ask_for_round(actor=owner, search_id=search.pk)


def test_a_round_goes_from_proposed_to_closed_and_the_next_one_follows_by_itself(team, owner):
    search = small.opened(team, owner)
    this = search.rounds.get()
    assert this.status == Round.Status.PROPOSED
    services.mark_sent(actor=owner, round_id=this.pk)
    wells = open_wells(search)
    small.tell(search, owner, wells[:5])
    this.refresh_from_db()
    assert this.status == Round.Status.PARTLY
    receipt = small.tell(search, owner, wells[5:])
    assert receipt.goes_on
    small.work_off(search)
    this.refresh_from_db()
    assert this.status == Round.Status.CLOSED
    assert this.report["n_failures"] == len({well.key for well in wells})
    assert (search.status, ledger(search)[0]) == (Status.OPEN, 24)
    new = {well.key for well in open_wells(search)}
    assert not new & {well.key for well in wells}


def test_learning_starts_from_half_of_the_answers_and_late_ones_join_the_next_round(team, owner):
    search = small.opened(team, owner)
    wells = open_wells(search)
    small.tell(search, owner, wells[:5])
    with pytest.raises(RoundRefused, match="5 of 12 wells are answered; learning starts from 50% of them"):
        services.go_on(actor=owner, search_id=search.pk)
    small.tell(search, owner, wells[5:6])
    services.go_on(actor=owner, search_id=search.pk)
    small.work_off(search)
    small.tell(search, owner, wells[6:])
    small.tell(search, owner, search.rounds.get(number=2).wells.all(), "inconclusive")
    small.work_off(search)
    first, second = (search.rounds.get(number=n).report for n in (1, 2))
    assert first["n_failures"] + second["n_failures"] == len({well.key for well in wells})
    assert not set(first["learned"]) & set(second["learned"])


def test_the_budget_cuts_the_last_round_and_ends_the_drawing(team, owner):
    search = small.opened(team, owner, rounds={"budget": 20})
    small.tell(search, owner, open_wells(search))
    small.work_off(search)
    assert ledger(search)[:2] == (20, 20)
    small.tell(search, owner, open_wells(search))
    small.work_off(search)
    assert search.status == Status.READY
    assert "budget of 20 evaluations is spent" in search.finished
    with pytest.raises(RoundRefused, match="All 20 wells are spent"):
        services.ask_for_round(actor=owner, search_id=search.pk)


def test_a_pass_is_judged_by_the_filters_at_once_and_stops_the_automatic(team, owner):
    search = small.opened(team, owner)
    small.tell(search, owner, open_wells(search))
    small.work_off(search)
    hit = min(open_wells(search), key=lambda well: well.margin)
    assert hit.margin < 0
    receipt = small.tell(search, owner, [hit], "pass")
    assert receipt.hits == (hit.label,)
    small.work_off(search)
    hit.refresh_from_db()
    assert hit.judged_at is not None
    assert hit.rejected_by == [1]
    assert search.rounds.get(number=1).rejected_a_hit
    assert not small.tell(search, owner, open_wells(search)).goes_on
    services.go_on(actor=owner, search_id=search.pk)
    assert small.work_off(search).status == Status.OPEN
    assert search.rounds.get(number=2).report["n_hits"] == 1


def test_the_same_verdict_again_changes_nothing_and_another_one_is_refused_in_whole(team, owner):
    search = small.opened(team, owner)
    wells = open_wells(search)
    small.tell(search, owner, wells[:3])
    again = small.tell(search, owner, wells[:4])
    assert (again.n_new, again.n_same) == (1, 3)
    told = {wells[0].pk: "pass", wells[5].pk: "fail"}
    with pytest.raises(VerdictsRefused, match=f"{wells[0].label} is “fail” already"):
        services.tell_verdicts(actor=owner, search_id=search.pk, told=told)
    assert Answer.objects.count() == 4
    assert not Well.objects.get(pk=wells[5].pk).verdict


def test_a_correction_keeps_what_was_told_and_wakes_the_veto(team, owner):
    search = small.opened(team, owner)
    wells = open_wells(search)
    small.tell(search, owner, wells)
    small.work_off(search)
    once = next(well for well in wells if sum(other.key == well.key for other in wells) == 1)
    services.correct_verdict(actor=owner, well_id=once.pk, verdict="pass")
    small.work_off(search)
    once.refresh_from_db()
    assert (once.verdict, once.judged_at is not None) == ("pass", True)
    assert list(once.answers.values_list("verdict", "replaced")) == [("fail", ""), ("pass", "fail")]
    assert ledger(search)[0] == ledger(search)[1]
    with pytest.raises(RoundRefused, match="no verdict yet"):
        services.correct_verdict(actor=owner, well_id=open_wells(search)[0].pk, verdict="fail")


def test_uploaded_failures_are_round_zero_and_cost_nothing(team, owner):
    data = factories.make_sequence_dataset(team, owner, texts=factories.sequences(30, seed=5))
    search = small.work_off(small.start(team, owner, failed=Failed(data)))
    zero = search.rounds.get()
    assert (zero.number, zero.status, str(zero)) == (0, Round.Status.CLOSED, "Uploaded failures")
    assert (zero.report["n_failures"], search.n_charged) == (30, 0)
    services.ask_for_round(actor=owner, search_id=search.pk)
    small.work_off(search)
    assert [this.number for this in search.rounds.all()] == [0, 1]
    assert not set(search.wells.values_list("key", flat=True)) & set(factories.sequences(30, seed=5))
    small.tell(search, owner, open_wells(search))
    assert small.work_off(search).rounds.get(number=1).report["number"] == 1


def test_failures_by_a_label_need_one_that_fails(team, owner):
    data = factories.make_sequence_dataset(team, owner)
    with pytest.raises(SettingRefused, match="nothing in Binding failed"):
        small.start(team, owner, failed=Failed(data, "below", "score", -5.0))
    with pytest.raises(SettingRefused, match="it has: score"):
        small.start(team, owner, failed=Failed(data, "above", "potency", 0.5))
    search = small.start(team, owner, failed=Failed(data, "below", "score", 0.4))
    told = search.spec["failed"]
    assert told["n_failed"] + told["n_passed"] == 40
    assert told["n_failed"] > 0


def test_too_little_data_fails_with_a_sentence_and_can_be_taken_up(team, owner):
    data = factories.make_sequence_dataset(team, owner, texts=["ACGTACGTACGT", "ACGTACGTACGA"])
    search = small.work_off(small.start(team, owner, like=data))
    assert search.status == Status.FAILED
    assert "Only 2 of 2 structures" in search.message
    services.take_up(actor=owner, search_id=search.pk)
    assert small.work_off(search).status == Status.FAILED


def test_undoing_a_round_draws_the_next_one_unfiltered(team, owner):
    search = small.opened(team, owner)
    small.tell(search, owner, open_wells(search), "fail")
    small.work_off(search)
    services.undo_round(actor=owner, round_id=search.rounds.get(number=1).pk)
    small.work_off(search)
    assert search.rounds.get(number=1).undone
    assert search.undo_from is None
    with pytest.raises(RoundRefused, match="nothing that could be taken back"):
        services.undo_round(actor=owner, round_id=search.rounds.get(number=1).pk)


def test_an_ended_search_draws_nothing_and_is_taken_up_where_it_was(team, owner):
    search = small.opened(team, owner)
    services.end(actor=owner, search_id=search.pk)
    small.tell(search, owner, open_wells(search))
    assert small.work_off(search).status == Status.ENDED
    services.take_up(actor=owner, search_id=search.pk)
    assert small.work_off(search).status == Status.OPEN


@pytest.mark.parametrize("role", ["reviewer", "viewer"])
def test_only_owners_and_designers_change_anything(team, owner, role):
    search = small.opened(team, owner)
    other = factories.make_user(team, role)
    this, well = search.rounds.get(), search.wells.first()
    before = AuditEvent.objects.count()
    attempts = [
        lambda: small.start(team, other, like=search.like),
        lambda: services.ask_for_round(actor=other, search_id=search.pk),
        lambda: services.mark_sent(actor=other, round_id=this.pk),
        lambda: small.tell(search, other, [well]),
        lambda: services.correct_verdict(actor=other, well_id=well.pk, verdict="fail"),
        lambda: services.go_on(actor=other, search_id=search.pk),
        lambda: services.undo_round(actor=other, round_id=this.pk),
        lambda: services.end(actor=other, search_id=search.pk),
        lambda: services.take_up(actor=other, search_id=search.pk),
    ]
    for attempt in attempts:
        with pytest.raises(RoundRefused, match="Only owners and designers"):
            attempt()
    assert AuditEvent.objects.count() == before


class Killed(BaseException):
    """What a kill looks like from inside: nothing after it runs."""


def test_kills_and_parts_of_answers_leave_ledger_and_wells_as_if_undisturbed(team, owner, settings, monkeypatch):
    data = factories.make_sequence_dataset(team, owner, texts=factories.sequences(80))
    calm = small.work_off(small.start(team, owner, like=data))
    services.ask_for_round(actor=owner, search_id=calm.pk)
    while small.work_off(calm).status == Status.OPEN:
        small.tell(calm, owner, open_wells(calm))

    settings.LEASE_S = 0
    moments, counted = random.Random(5), {"kills": 0}
    whole = {name: getattr(work.engine, name) for name in ("prepare", "advance_prior", "propose", "learn")}
    write = work._write

    def dying(action):
        def tried(*given, **named):
            found = action(*given, **named)
            if counted["kills"] < 12 and moments.random() < 0.45:
                counted["kills"] += 1
                raise Killed
            return found

        return tried

    for name, action in whole.items():
        monkeypatch.setattr(work.engine, name, dying(action))
    monkeypatch.setattr(work, "_write", dying(write))
    disturbed = small.start(team, owner, like=data)

    def work_through_kills():
        for _ in range(60):
            Search.objects.filter(pk=disturbed.pk).update(deaths=0)  # three in a row would rightly fail it
            try:
                if not work.advance(search_id=disturbed.pk, owner="test") and not work.next_job(
                    Search.objects.get(pk=disturbed.pk)
                ):
                    return
            except Killed:
                continue

    work_through_kills()
    services.ask_for_round(actor=owner, search_id=disturbed.pk)
    work_through_kills()
    while (left := open_wells(disturbed)) and Search.objects.get(pk=disturbed.pk).status == Status.OPEN:
        moments.shuffle(left)
        for part in (left[:4], left[:4], left[4:7], left[7:]):  # one part is told twice
            small.tell(disturbed, owner, part)
        work_through_kills()
    assert counted["kills"] >= 6
    assert ledger(disturbed) == (40, 40, list(range(40)))
    same = [list(one.wells.values_list("index", "key", "arm", "round__number")) for one in (calm, disturbed)]
    assert same[0] == same[1]


def test_a_second_message_meets_the_lease_and_a_dead_worker_is_found_by_the_reaper(team, owner, settings, monkeypatch):
    sent = []
    search = small.start(team, owner)
    monkeypatch.setattr("designlab.rounds.tasks.send", sent.append)
    Search.objects.filter(pk=search.pk).update(enqueued_at=None)
    from designlab.rounds.leases import take

    token = take(search_id=search.pk, owner="one")
    assert token == 1
    assert take(search_id=search.pk, owner="two") is None
    requeue_forgotten()
    assert sent == []
    settings.LEASE_S = 0
    requeue_forgotten()
    assert sent == [search.pk]
    search.refresh_from_db()
    assert (search.lease_owner, search.deaths) == ("", 1)
