"""Pages of what a team picked: the shortlist and the star that puts a candidate on it, and lists to make."""

from http import HTTPStatus

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from designlab.accounts.selectors import may_design
from designlab.candidates import exports
from designlab.candidates.objectives import objectives_of
from designlab.candidates.selectors import candidate_for, cells, matching, read_filter, run_for
from designlab.candidates.waiting import when_ready
from designlab.choosing import selectors, services
from designlab.choosing.forms import MakeListForm
from designlab.choosing.making import COMPARED, MOST
from designlab.choosing.marks import shortlisted_among
from designlab.engine.designs import designs_of

NO_FILE = {"json"}  # of several runs at once: it tells of one run


@require_POST
def keep(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a candidate on the shortlist (on=1) or take it off; answers with the star alone where htmx asks."""
    candidate = candidate_for(request.user, pk)
    try:
        if request.POST.get("on") == "1":
            services.shortlist(actor=request.user, candidate=candidate)
        else:
            services.take_off(actor=request.user, candidate=candidate)
    except services.ChoiceRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("candidates:detail", pk)
    if request.htmx:
        kept = shortlisted_among([candidate]).get(candidate.pk)
        shown = {"candidate": candidate, "kept": kept, "wordy": request.POST.get("wordy")}
        return render(request, "choosing/_star.html", shown)
    return redirect(_back(request, candidate.pk))


def _back(request: HttpRequest, pk: int) -> str:
    """The page that the star was pressed on, if it is one of ours."""
    back = request.POST.get("back", "")
    ours = back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return back if ours else reverse("candidates:detail", args=[pk])


@require_safe
def shortlist(request: HttpRequest, pk: int) -> HttpResponse:
    """The shortlist of a campaign, of all its runs."""
    campaign = selectors.campaign_for(request.user, pk)
    entries = selectors.shortlist_of(campaign)
    designs = designs_of(campaign.kind)
    rows = [
        {
            "entry": entry, "candidate": entry.candidate, "drawing": designs.picture(entry.candidate.smiles),
            "cells": cells(entry.candidate, objectives_of(entry.candidate.run)),
        }
        for entry in entries
    ]  # fmt: skip
    runs = {}
    for entry in entries:
        run = entry.candidate.run
        runs[run.number] = (run, runs.get(run.number, (run, 0))[1] + 1)
    shown = {
        "section": "campaigns",
        "campaign": campaign,
        "rows": rows,
        "runs": [runs[number] for number in sorted(runs)],
        "designs": designs,
        "download_kinds": [kind for kind in designs.downloads if kind[0] not in NO_FILE],
        "may_pick": selectors.may_pick(request.user, campaign.team),
    }
    return render(request, "choosing/shortlist.html", shown)


@require_safe
def download(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """The shortlist as a file: every figure of each candidate, who put it there, and when."""
    campaign = selectors.campaign_for(request.user, pk)
    if kind in NO_FILE or kind not in dict(designs_of(campaign.kind).downloads):
        raise Http404
    entries = selectors.shortlist_of(campaign)
    if not entries:
        words = "The shortlist is empty, so there is nothing to download."
        return HttpResponse(words, content_type="text/plain; charset=utf-8", status=HTTPStatus.NOT_FOUND)
    found, objectives = selectors.shortlist_file(entries, campaign)
    content_type, write = exports.KINDS[kind]
    answer = StreamingHttpResponse(write(found, found.run, objectives), content_type=content_type)
    name = f"{slugify(campaign.name)[:60] or 'campaign'}-shortlist.{kind}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@when_ready
def make_new(request: HttpRequest, pk: int) -> HttpResponse:
    """The limits of a new make-list, for what the address filters; a POST to the same address chooses it."""
    run = run_for(request.user, pk)
    designs = designs_of(run.kind)
    shown = read_filter(run, request.GET)
    usual = {"wanted": 48, "per_family": 2, "per_mode": 3, "distance": next(iter(designs.measures.values())).usual,
             "uncertain": 0, "seed": 1}  # fmt: skip
    form = MakeListForm(request.POST if request.method == "POST" else None, initial=usual, designs=designs)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.make_list(actor=request.user, run=run, shown=shown, settings=form.settings())
        except services.ChoiceRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("choosing:make_list", made.pk)
    context = {
        "section": "campaigns",
        "run": run,
        "form": form,
        "filter": shown,
        "n_shown": len(matching(run, shown)),
        "designs": designs,
        "measure": form.measure,
        "compared": COMPARED[designs.drawn],
        "most": MOST,
        "made": selectors.make_lists_of(run),
        "may_design": may_design(request.user, run.campaign.team),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "choosing/make_new.html", context, status=status)


@require_safe
def make_list(request: HttpRequest, pk: int) -> HttpResponse:
    """A make-list: what was chosen and why, what could not be met, downloads, the way to a review."""
    made = selectors.make_list_for(request.user, pk)
    run = made.run
    designs, objectives = designs_of(run.kind), objectives_of(run)
    picks = list(made.picks.select_related("candidate"))
    candidates = [one.candidate for one in picks]
    for candidate in candidates:
        candidate.run = run
    rows = [
        {"pick": one, "drawing": designs.picture(one.candidate.smiles), "cells": cells(one.candidate, objectives),
         "candidate": one.candidate, "family": family}
        for one, family in zip(picks, designs.families(candidates), strict=True)
    ]  # fmt: skip
    context = {
        "section": "campaigns",
        "run": run,
        "made": made,
        "rows": rows,
        "n_families": len({row["family"] for row in rows}),
        "n_quota": sum(one.for_quota for one in picks),
        "designs": designs,
        "measure": next(iter(designs.measures.values())),
        "download_kinds": designs.downloads,
        "may_design": may_design(request.user, run.campaign.team),
    }
    return render(request, "choosing/make_list.html", context)
