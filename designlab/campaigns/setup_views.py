"""The set-up page: opened, changed, looked at, started. Every button works as a plain form."""

import json

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from designlab.accounts.selectors import may_design
from designlab.campaigns import dial as target_dial
from designlab.campaigns import page_selectors as pages
from designlab.campaigns import (
    preflight,
    reward_kinds,
    reward_rows,
    saved_selectors,
    saved_setup,
    scorer_tests,
    setup,
)
from designlab.campaigns.forms import sentence
from designlab.campaigns.measured import histograms
from designlab.campaigns.models import Campaign, InvalidTransition, RewardVersion, Run
from designlab.campaigns.setup import FAMILY_WAS, SetUp
from designlab.datasets.modelling import ask_for_model
from designlab.datasets.models import DataSet, PropertyModel
from designlab.engine import rewards as reward_engine
from designlab.engine.errors import Refused, SettingRefused
from designlab.operations.selectors import worker_listening

LEARNING = (PropertyModel.Status.WAITING, PropertyModel.Status.TRAINING)
NOW = "now"  # where the name of a scorer's test will stand
ONLY_DESIGNERS = "Only owners and designers of the team can set up campaigns and runs."


@require_GET
def new(request: HttpRequest) -> HttpResponse:
    """A new campaign, filled with good defaults for the data set asked for, or the newest; with a saved reward too."""
    _designers_only(request)
    offered = pages.labelled_sets(request.user, request.team)
    chosen, saved = request.GET.get("labelled", ""), _saved_asked_for(request)
    fitting = saved_selectors.fitting_set(offered, saved) if saved else None
    labelled, refused = fitting or offered.first(), ""
    if chosen:
        visible = DataSet.objects.visible_to(request.user).filter(team=request.team)
        wanted = get_object_or_404(visible, pk=chosen if chosen.isdigit() else 0)
        labelled = offered.filter(pk=wanted.pk).first()
        refused = "" if labelled else _why_not(wanted)
    if labelled is None:
        return render(request, "campaigns/setup/empty.html", {"section": "campaigns", "refused": refused})
    try:
        more = pages.unlabelled_sets(request.user, request.team).filter(kind=labelled.kind).first()
        fields = setup.default_fields(labelled, more)
    except SettingRefused as refusal:
        return render(request, "campaigns/setup/empty.html", {"section": "campaigns", "refused": str(refusal)})
    said = ""
    try:
        if saved:
            saved_setup.put(fields, saved, labelled)
    except SettingRefused as refusal:
        said = sentence(refusal.problem)
    return _shown(request, SetUp(request.user, request.team, fields), use_wrong=said)


def _saved_asked_for(request: HttpRequest) -> RewardVersion | None:
    """The version of a saved reward that the address names."""
    if not (pk := request.GET.get("reward", "")):
        return None
    version = saved_selectors.version_for(request.user, pk)
    if request.team is None or version.saved.team_id != request.team.pk:
        raise Http404
    return version


def _why_not(dataset: DataSet) -> str:
    if dataset.status != DataSet.Status.READY:
        return f"{dataset} is not imported yet: {dataset.get_status_display()}."
    return (
        f"{dataset} has no numeric label, so there is nothing to learn a goal from. "
        "Choose a data set with a column of numbers, or import the file again with its column marked as a label."
    )


@require_http_methods(["GET", "POST"])
def new_run(request: HttpRequest, pk: int) -> HttpResponse:
    """Another run of a campaign: its goal and data stand, generator and budget are chosen."""
    campaign = get_object_or_404(Campaign.objects.visible_to(request.user).select_related("team"), pk=pk)
    if not pages.may_steer(request.user, campaign):
        raise PermissionDenied(ONLY_DESIGNERS)
    if request.method == "POST":
        return _answer(request, request.POST.copy(), campaign)
    fields = QueryDict(mutable=True)
    earlier = request.GET.get("like", "")
    run = campaign.runs.filter(pk=earlier).first() if earlier.isdigit() else None
    fields.update(setup.run_fields(run or campaign.runs.first(), campaign.kind))
    return _shown(request, SetUp(request.user, campaign.team, fields, campaign=campaign))


@require_POST
def create(request: HttpRequest) -> HttpResponse:
    """Every button of the set-up page."""
    _designers_only(request)
    return _answer(request, request.POST.copy(), None)


@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """The learned models and the combined reward of the uploaded molecules, as they stand now."""
    page = _page_sent(request)
    _ask_for_models(page)
    # A generator chosen a moment ago has no dial on the page yet, which comes with the rest of its settings.
    chosen = request.POST.get("family", "")
    stands = request.POST.get(FAMILY_WAS, chosen) == chosen
    return render(request, "campaigns/setup/_looked.html", _preview(page, wait=True) | {"dial_stands": stands})


@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """The pre-flight panel, as things stand now."""
    page = _page_sent(request)
    _ask_for_models(page)
    return render(request, "campaigns/setup/_preflight.html", {"flight": preflight.examine(page), "page": page})


def _designers_only(request: HttpRequest) -> None:
    if not may_design(request.user, request.team):
        raise PermissionDenied(ONLY_DESIGNERS)


def _page_sent(request: HttpRequest) -> SetUp:
    """The page as a fragment's call sent it; a new run names its campaign."""
    pk = request.POST.get("campaign", "")
    if not pk:
        _designers_only(request)
        return SetUp(request.user, request.team, request.POST.copy())
    mine = Campaign.objects.visible_to(request.user).select_related("team")
    campaign = get_object_or_404(mine, pk=pk if pk.isdigit() else 0)
    if not pages.may_steer(request.user, campaign):
        raise PermissionDenied(ONLY_DESIGNERS)
    return SetUp(request.user, campaign.team, request.POST.copy(), campaign=campaign)


def _answer(request: HttpRequest, fields: QueryDict, campaign: Campaign | None) -> HttpResponse:
    """Do what the pressed button says; "Start run" alone changes anything."""
    do = request.POST.get("do", "start")
    said, team = "", campaign.team if campaign else request.team
    if do.startswith("test:"):  # rows may move up when others are left out
        fields[f"{reward_rows.ROWS}-{do.removeprefix('test:')}-tested"] = NOW
    try:
        if do != "start" and campaign is None:
            _change(request, fields, do)
    except SettingRefused as refusal:
        said = sentence(refusal.problem)
    if do.startswith("fix:") and "=" in do:
        name, _, value = do.removeprefix("fix:").partition("=")
        fields[name] = value
    page = SetUp(request.user, team, fields, campaign=campaign)
    if do.startswith("test:"):
        _test(page)
    if do == "export" and page.reward:
        return as_file(page.reward)
    if do == "start":
        return _started(request, page)
    where = {"upload": "refused_file", "use-saved": "use_wrong"}.get(do, "refused_goal")
    kept = saved_setup.keep(page, do) if do.startswith("save-") and campaign is None else {}
    generator_open = do in ("family", "dial") or do.startswith("fix:config-")
    return _shown(request, page, **{where: said}, generator_open=generator_open, **kept)


def _change(request: HttpRequest, fields: QueryDict, do: str) -> None:
    """Change the fields as a button other than "Start run" asks. Raises SettingRefused."""
    labelled = pages.labelled_sets(request.user, request.team).filter(pk=_number(fields.get("labelled"))).first()
    if labelled is None:
        return
    label = fields.get("label", "")
    if reward_rows.label_of(labelled, label) is None:
        reward_rows.write_rows(fields, [])
        fields[saved_setup.FROM] = ""
        reward_rows.set_goal(fields, labelled, labelled.labels[0]["name"], "maximize", None)
    elif do == "goal":
        target = _float(fields.get("target"))
        if fields.get("direction") != "target" or target is not None:
            reward_rows.set_goal(fields, labelled, label, fields.get("direction", ""), target)
    elif do.partition(":")[0] == "add":  # add, add:KIND, add:KIND:GROUP
        what, _, inside = do.removeprefix("add").removeprefix(":").partition(":")
        reward_rows.add_objective(fields, labelled, what, inside)
    elif do == "upload":
        sent = request.FILES.get("reward_file")
        if sent is None:
            raise SettingRefused("reward_file", "choose a file first")
        reward_rows.read_reward(fields, sent.read(reward_rows.MAX_REWARD_BYTES + 1), labelled)
        fields[saved_setup.FROM] = ""
    elif do == "use-saved":
        saved_setup.use(request.user, request.team, fields, labelled)
    reward_rows.follow_sources(fields, labelled)


def _test(page: SetUp) -> None:
    """Hand the test of a row's scorer to a worker; a refusal stands beside the field it is about."""
    for form in page.rows.forms:
        if form["tested"].value() != NOW:
            continue
        form.data[form.add_prefix("tested")] = form.data[form.add_prefix("fresh")] = ""
        form.is_valid()
        given = {name: form.cleaned_data.get(name, "") for name in ("url", "asked", "known")}
        if form.named != "remote" or form.has_error("url") or form.has_error("asked"):
            continue
        try:
            token = scorer_tests.ask(actor=page.user, team=page.team, dataset=page.labelled, **given)
        except SettingRefused as refusal:
            name = refusal.field.rsplit(".", 1)[-1]
            form.add_error({"objective": "asked"}.get(name, name), sentence(refusal.problem))
        else:
            form.data[form.add_prefix("tested")] = token


@require_GET
def scorer_test(request: HttpRequest, token: str) -> HttpResponse:
    """How the test of a scorer went, or that it is still waited for."""
    test = scorer_tests.standing(user=request.user, token=token)
    if test is None:
        raise Http404
    return render(request, "campaigns/setup/_scorer_test.html", {"test": test, "listening": worker_listening()})


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _float(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _started(request: HttpRequest, page: SetUp) -> HttpResponse:
    """Start the run, or show the page again with every refusal at its field."""
    page.check_start()
    if not page.is_valid():
        return _shown(request, page, status=422)
    _ask_for_models(page)
    flight = preflight.examine(page, wait=True)
    if flight.stops:
        page.refusals += [line.words for line in flight.lines if line.level == preflight.OUTSIDE]
        return _shown(request, page, status=422)
    if flight.learning:  # the page starts it by itself as soon as the model is there
        return _shown(request, page, status=202, starting=True)
    try:
        run = setup.start(page)
    except SettingRefused as refusal:
        page.place(refusal)
    except (InvalidTransition, Refused) as refusal:
        page.refusals.append(str(refusal))
    else:
        return redirect("campaigns:run", pk=run.pk)
    return _shown(request, page, status=422)


def _ask_for_models(page: SetUp) -> None:
    """Learning starts as soon as a label is chosen; nobody has to ask for it."""
    if page.reward and page.labelled:
        for label in reward_engine.labels_needed(page.reward):
            if reward_rows.label_of(page.labelled, label):
                ask_for_model(actor=page.user, dataset=page.labelled, label=label)


def _preview(page: SetUp, *, wait: bool) -> dict:
    """The learned models, what the reward prefers, and the distributions that its curves lie over."""
    models = pages.models_for(page.reward, page.labelled)
    learning = any(row["model"] is None or row["model"].status in LEARNING for row in models)
    shown = {"page": page, "models": models, "preview": None, "learning": learning, "seen": {}}
    shown["dial"] = target_dial.dial_of(page, models, wait=wait)
    if page.reward and page.labelled:
        preview = pages.reward_preview(page.reward, page.labelled, models, wait=wait)
        shown["preview"] = preview and preview | {"best": pages.drawn(preview["best"], page.kind)}
        if page.campaign is None and wait:
            shown["seen"] = histograms(page.labelled, page.keys)
    return shown


def _shown(request: HttpRequest, page: SetUp, *, status: int = 200, **more) -> HttpResponse:
    """The whole page. What takes longer than a moment is left to the fragments, unless a form without them asks."""
    known = {}
    if page.campaign is None and page.labelled:
        known = pages.sources(page.labelled, page.keys)
        pages.pictures(page.rows.forms, known, page.labelled)
        for form in page.rows.forms:
            form.test = scorer_tests.standing(user=request.user, token=form["tested"].value() or "")
    wait = request.method == "POST" and not request.htmx
    if wait:
        _ask_for_models(page)
    shown = _preview(page, wait=wait) | {
        "flight": preflight.examine(page),
        "sources": known,
        "section": "campaigns",
        "sentences": reward_engine.describe_reward(page.reward) if page.reward else [],
        "shared": pages.shared_budgets(page.campaign) if page.campaign else [],
        "kinds": reward_kinds.kinds_for(page.kind).items(),
        "listening": worker_listening(),
        "saved": saved_setup.shown(page),
        **more,
    }
    return render(request, "campaigns/setup/page.html", shown, status=status)


def as_file(reward: dict, name: str = "reward") -> HttpResponse:
    """A reward as a file to keep or to hand on."""
    text = json.dumps(reward, indent=2, ensure_ascii=False) + "\n"
    headers = {"Content-Disposition": f'attachment; filename="{name}.json"'}
    return HttpResponse(text, content_type="application/json", headers=headers)


@require_GET
def reward_json(request: HttpRequest, pk: int) -> HttpResponse:
    """The campaign's reward as a file."""
    campaign = get_object_or_404(Campaign.objects.visible_to(request.user), pk=pk)
    return as_file(campaign.reward, f"reward-{campaign.pk}")


@require_POST
def clone(request: HttpRequest, pk: int) -> HttpResponse:
    """Set up a run like another one; nothing starts before "Start run"."""
    run = get_object_or_404(Run.objects.visible_to(request.user), pk=pk)
    if not Run.objects.changeable_by(request.user).filter(pk=pk).exists():
        raise PermissionDenied(ONLY_DESIGNERS)
    return redirect(f"{reverse('campaigns:new_run', args=[run.campaign_id])}?like={run.pk}")
