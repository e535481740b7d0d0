"""Pages of learning from failures: start, the rounds of a search, plate lists, verdicts."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from designlab.accounts.selectors import may_design
from designlab.campaigns.models import Campaign
from designlab.datasets.models import DataSet
from designlab.datasets.uploads import Capped, capped_at
from designlab.engine import rounds as engine
from designlab.engine.errors import SettingRefused
from designlab.operations.selectors import worker_listening
from designlab.rounds import exports, selectors, services
from designlab.rounds.files import MOST_BYTES, MOST_PROBLEMS, TOO_LARGE, VerdictsRefused
from designlab.rounds.forms import StartForm, initial, n_passed, rules_of
from designlab.rounds.models import Search
from designlab.rounds.services import Receipt, RoundRefused

EVERY_S = 3


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """The team's searches."""
    shown = {"searches": selectors.searches_of(request.user, request.team), "section": "campaigns"}
    return render(request, "rounds/list.html", shown | {"may_design": may_design(request.user, request.team)})


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Say what failed and what new structures should be like, and begin."""
    given = request.POST if request.method == "POST" else request.GET
    ready = DataSet.objects.visible_to(request.user).filter(team=request.team, status=DataSet.Status.READY)
    campaigns = Campaign.objects.visible_to(request.user).filter(team=request.team)
    campaign = campaigns.select_related("labelled", "unlabelled").filter(pk=_whole(given.get("campaign", ""))).first()
    failed = ready.filter(pk=_whole(given.get("failed", ""))).first()
    if failed is None and campaign is not None and request.method == "GET":
        failed = campaign.labelled
    like = ready.filter(pk=_whole(given.get("like", ""))).first() or _like(campaign, failed, ready)
    data = request.POST if request.method == "POST" else _defaults(campaign, failed, like)
    form = StartForm(data, user=request.user, team=request.team, like=like, failed=failed)
    status = 200
    if request.method == "POST" and request.POST.get("do") != "data":
        if form.is_valid():
            made = _start(request, form, campaign)
            if made is not None:
                return redirect("rounds:search", made.pk)
        status = 422
    elif request.method == "GET" or request.POST.get("do") == "data":
        form.is_valid()
        form.errors.clear()
    shown = {"form": form, "campaign": campaign, "failed": failed, "like": like, "section": "campaigns",
             "has_data": ready.exists(), "may_design": may_design(request.user, request.team),
             "basic": form.settings("basic"), "expert": form.settings("expert"),
             "n_passed": n_passed(failed), "advice": engine.advise_rounds(n_passed(failed))}  # fmt: skip
    return render(request, "rounds/new.html", shown, status=status)


def _like(campaign: Campaign | None, failed: DataSet | None, ready) -> DataSet | None:
    if campaign is not None:
        return campaign.unlabelled or campaign.labelled
    if failed is not None:  # a library to draw from is worth more than the failures themselves
        others = ready.filter(kind=failed.kind).exclude(pk=failed.pk)
        return others.order_by("-n_structures", "-id").first() or failed
    return ready.first()


def _defaults(campaign: Campaign | None, failed: DataSet | None, like: DataSet | None) -> dict:
    described = engine.describe_rounds(like.kind if like else "molecule")
    rows = [row | {"group": group} for group, found in described.items() for row in found]
    about = campaign or failed
    name = f"{about}: learning from failures"[:120] if about else "Learning from failures"
    told = {"name": name, "like": like.pk if like else "", "failed": failed.pk if failed else "", "seed": 1}
    rules = [rule for rule, _ in rules_of(failed)]
    classes = [rule for rule in rules if rule.startswith("class:")]  # where a file says itself what failed, believe it
    return told | {"rule": (classes or rules)[0]} | initial(rows)


def _start(request: HttpRequest, form: StartForm, campaign: Campaign | None) -> Search | None:
    told = form.cleaned_data
    try:
        return services.start_search(
            actor=request.user, team=request.team, name=told["name"], like=told["like"], failed=form.told_failed(),
            rounds=told["rounds"], prior=told["prior"], seed=told["seed"], campaign=campaign,
        )  # fmt: skip
    except SettingRefused as refusal:
        field = {"label": "rule"}.get(refusal.field, refusal.field)
        form.add_error(field if field in form.fields else None, refusal.problem[:1].upper() + refusal.problem[1:])
    except RoundRefused as refusal:
        form.add_error(None, str(refusal))
    return None


@require_GET
def search(request: HttpRequest, pk: int) -> HttpResponse:
    """The rounds of a search: what to test next, and what was learned."""
    return _page(request, selectors.search_for(request.user, pk))


def _page(request: HttpRequest, found: Search, status: int = 200, **more) -> HttpResponse:
    shown = selectors.page(request.user, found, request.GET.get("round", "")) | _working(found) | more
    return render(request, "rounds/search.html", shown, status=status)


def _working(found: Search) -> dict:
    busy = found.is_working or found.undo_from is not None
    stuck = busy and not worker_listening()
    return {"every_s": EVERY_S if busy else 0, "stuck": stuck}


@require_GET
def live(request: HttpRequest, pk: int) -> HttpResponse:
    """The state while a worker is busy; the whole page is fetched anew once it is not."""
    found = selectors.search_for(request.user, pk)
    answer = render(request, "rounds/_state.html", {"search": found} | _working(found))
    if request.headers.get("HX-Request") and (
        not (found.is_working or found.undo_from is not None) or request.GET.get("seen") != found.status
    ):
        answer["HX-Refresh"] = "true"
    return answer


@require_POST
def propose(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the next round."""
    found = selectors.search_for(request.user, pk)
    return _did(request, found, services.ask_for_round, search_id=found.pk)


@require_POST
def learn(request: HttpRequest, pk: int) -> HttpResponse:
    """Learn from what is in, and draw the next round."""
    found = selectors.search_for(request.user, pk)
    return _did(request, found, services.go_on, search_id=found.pk)


@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """End a search."""
    found = selectors.search_for(request.user, pk)
    return _did(request, found, services.end, search_id=found.pk)


@require_POST
def take_up(request: HttpRequest, pk: int) -> HttpResponse:
    """Go on with a search that ended or failed."""
    found = selectors.search_for(request.user, pk)
    return _did(request, found, services.take_up, search_id=found.pk)


@require_POST
def sent(request: HttpRequest, pk: int) -> HttpResponse:
    """Note that a plate went to the lab."""
    this = selectors.round_for(request.user, pk)
    return _did(request, this.search, services.mark_sent, round_id=this.pk)


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back what a round and those after it taught."""
    this = selectors.round_for(request.user, pk)
    return _did(request, this.search, services.undo_round, round_id=this.pk)


def _did(request: HttpRequest, found: Search, action, **what) -> HttpResponse:
    try:
        action(actor=request.user, **what)
    except RoundRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("rounds:search", found.pk)


@require_GET
def plate(request: HttpRequest, pk: int) -> HttpResponse:
    """The plate list of a round as CSV."""
    this = selectors.round_for(request.user, pk)
    answer = StreamingHttpResponse(exports.plate_list(this), content_type="text/csv; charset=utf-8")
    name = f"{slugify(this.search.name)[:60] or 'search'}-round-{this.number}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_GET
def ledger(request: HttpRequest, pk: int) -> HttpResponse:
    """Every well of a search as CSV: what was charged, when, for what, and what came back."""
    found = selectors.search_for(request.user, pk)
    answer = StreamingHttpResponse(exports.ledger(found), content_type="text/csv; charset=utf-8")
    name = f"{slugify(found.name)[:60] or 'search'}-ledger.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_POST
@capped_at(lambda: MOST_BYTES)
def upload(request: HttpRequest, pk: int, *, capped: Capped) -> HttpResponse:
    """Take a file of verdicts, or refuse it with a sentence for each row."""
    found = selectors.search_for(request.user, pk)
    file = request.FILES.get("file")
    if capped.too_large:
        return _page(request, found, 413, refused=TOO_LARGE)
    if file is None:
        return _page(request, found, 422, refused="No file was chosen: choose one, then upload.")
    try:
        receipt = services.upload_verdicts(actor=request.user, search_id=found.pk, file=file)
    except VerdictsRefused as refusal:
        found.refresh_from_db()
        problems = refusal.problems[:MOST_PROBLEMS]
        told = {"refused": str(refusal), "problems": problems, "n_more": len(refusal.problems) - len(problems)}
        return _page(request, found, 422, refused_name=file.name, **told)
    except RoundRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("rounds:search", found.pk)
    _thank(request, receipt)
    return redirect("rounds:search", found.pk)


@require_POST
def tell(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the verdicts chosen on the page; wells left open stay open."""
    found = selectors.search_for(request.user, pk)
    told = {
        _whole(name.removeprefix("well-")): value
        for name, value in request.POST.items()
        if name.startswith("well-") and value
    }
    everything = request.POST.get("all", "")
    if everything:
        open_wells = found.wells.filter(verdict="", round__number=_whole(request.POST.get("round", "")))
        told = dict.fromkeys(open_wells.values_list("pk", flat=True), everything)
    if not told:
        messages.error(request, "No verdict was chosen.")
        return redirect("rounds:search", found.pk)
    try:
        _thank(request, services.tell_verdicts(actor=request.user, search_id=found.pk, told=told))
    except (VerdictsRefused, RoundRefused) as refusal:
        messages.error(request, str(refusal))
    return redirect("rounds:search", found.pk)


@require_POST
def correct(request: HttpRequest, pk: int) -> HttpResponse:
    """Replace a verdict that was wrong."""
    well = selectors.well_for(request.user, pk)
    try:
        verdict = request.POST.get("verdict", "")
        _thank(request, services.correct_verdict(actor=request.user, well_id=well.pk, verdict=verdict))
    except RoundRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("rounds:search", well.search_id)


def _thank(request: HttpRequest, receipt: Receipt) -> None:
    parts = [f"{receipt.n_new:,} new verdict{'' if receipt.n_new == 1 else 's'}"]
    if receipt.n_same:
        parts.append(f"{receipt.n_same:,} known already")
    if receipt.n_blank:
        parts.append(f"{receipt.n_blank:,} row{'' if receipt.n_blank == 1 else 's'} without a verdict")
    words = ", ".join(parts) + "."
    if receipt.hits:
        words += f" A hit: {', '.join(receipt.hits[:5])}. Every stored filter is now held against it."
    if receipt.goes_on:
        words += " The round is complete: learning has begun, and the next round follows."
    messages.success(request, words)


def _whole(raw: str) -> int:
    return int(raw) if raw.isdecimal() and len(raw) < 19 else 0
