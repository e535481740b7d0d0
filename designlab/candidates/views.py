"""Pages of candidates: list, map and figures, mode coverage, one molecule, downloads, drawings."""

import hashlib
from http import HTTPStatus

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from designlab.accounts.selectors import may_design
from designlab.campaigns.models import Run
from designlab.campaigns.tasks import send_index
from designlab.candidates import absent, coverage, exports, families, grouping, origin, selection, selectors, space
from designlab.candidates.aligned import aligned_view
from designlab.candidates.detail import detail as detail_of
from designlab.candidates.filters import SIMILARITY, Filter
from designlab.candidates.histograms import histograms
from designlab.candidates.models import Candidate
from designlab.candidates.objectives import objectives_of
from designlab.candidates.searching import Holding
from designlab.candidates.structure_index import grow
from designlab.candidates.waiting import when_ready
from designlab.charts import candidates as figures
from designlab.charts import modes as mode_figures
from designlab.charts import space as space_figures
from designlab.charts.theme import family_colour
from designlab.choosing.marks import shortlisted_among
from designlab.choosing.selectors import may_pick
from designlab.engine.chemistry import depict_pattern
from designlab.engine.designs import LARGE, SMALL, designs_of
from designlab.engine.search import ALIKE
from designlab.operations.selectors import worker_listening

# An SVG opened on its own must not be able to do anything but show itself.
DRAWING_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
GROUP_S = 0.3  # of a page's time that may go into grouping the latest candidates


@require_safe
def listing(request: HttpRequest, pk: int) -> HttpResponse:
    """The candidates of a run as a table or a grid: filtered, sorted, a page at a time."""
    shown = selectors.listing(request.user, pk, request.GET)
    if shown.found is not None and shown.found.preparing:
        send_index(pk)
    view = "grid" if request.GET.get("view") == "grid" else "table"
    return render(
        request,
        "candidates/list.html",
        _frame(request, shown.run, shown.filter, tab=view, n_shown=shown.n)
        | {
            "listing": shown,
            "view": view,
            "histograms": histograms(shown.run, shown.objectives, shown.filter),
            "sources": [(source, origin.words(source)) for source in origin.sources_of(shown.run)],
            "source": shown.filter.fields().get("source", ""),
            "headings": _headings(shown, view),
            "asked_query": request.GET.urlencode(),
            "typed": {name: request.GET.get(name, "") for name in ("holds", "like", "like_min")},
            "pattern_drawing": _pattern(shown.filter),
            "base_query": _before_page(shown.filter.query(view="grid" if view == "grid" else "")),
        },
    )


def _frame(request: HttpRequest, run: Run, chosen: Filter, *, tab: str, n_shown: int) -> dict:
    """What the head and the tabs of all pages of a candidate list show; `n_shown` candidates pass the filter."""
    return {
        "section": "campaigns",
        "run": run,
        "filter": chosen,
        "query": chosen.query(),
        "tab": tab,
        "n_shown": n_shown,
        "may_design": may_design(request.user, run.campaign.team),
        "may_pick": may_pick(request.user, run.campaign.team),
        "designs": designs_of(run.kind),
        "download_kinds": designs_of(run.kind).downloads,
        "most": selection.MOST,
        "editor": settings.STRUCTURE_EDITOR and designs_of(run.kind).drawn,
    }


def _pattern(chosen: Filter) -> str:
    """A drawing of the substructure that is searched for, so that a person sees what was understood."""
    patterns = [one.smarts for one in chosen.searches if isinstance(one, Holding)]
    return depict_pattern(patterns[0]) if patterns else ""


def _before_page(query: str) -> str:
    return f"{query}&" if query else ""


def _headings(shown: selectors.Listing, view: str) -> list[dict]:
    """Column heads: what they sort by when chosen, and how the list is sorted now. Best or highest comes first."""
    order, heads = shown.filter.order, []
    heads_of = [("reward", "Reward"), *((one.key, one.heading) for one in shown.objectives)]
    if shown.found is not None and shown.found.alike is not None:
        heads_of.append((SIMILARITY, "Similarity"))
    for key, words in heads_of:
        now = order.key == key
        sort = key if now and order.descending else f"-{key}"
        query = shown.filter.query(sort=sort, view="grid" if view == "grid" else "")
        direction = ("descending" if order.descending else "ascending") if now else ""
        heads.append({"key": key, "words": words, "query": query, "direction": direction})
    return heads


@require_safe
def counting(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a search by structure has come, for a page that waits; it goes on with the search while it is asked."""
    shown = selectors.listing(request.user, pk, request.GET)
    if shown.found is not None and shown.found.preparing:
        send_index(pk)
    context = {"listing": shown, "run": shown.run, "asked_query": request.GET.urlencode()}
    return render(request, "candidates/_counting.html", context)


@require_safe
@when_ready
def download(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """Exactly the list that the same address shows, in a kind of file that can hold it."""
    run = selectors.run_for(request.user, pk)
    if kind not in dict(designs_of(run.kind).downloads):
        raise Http404
    objectives = objectives_of(run)
    chosen = selectors.read_filter(run, request.GET)
    if chosen.refused:
        words = "\n".join(f"{field}: {problem}" for field, problem in chosen.refused.items())
        return HttpResponse(words, content_type="text/plain; charset=utf-8", status=HTTPStatus.BAD_REQUEST)
    content_type, write = exports.KINDS[kind]
    try:
        content = write(selectors.matching(run, chosen), run, objectives)
    except exports.TooLong as refusal:
        return HttpResponse(str(refusal), content_type="text/plain; charset=utf-8", status=HTTPStatus.BAD_REQUEST)
    answer = StreamingHttpResponse(content, content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{exports.file_name(run, kind)}"'
    return answer


@require_safe
@when_ready
def map_and_figures(request: HttpRequest, pk: int) -> HttpResponse:
    """Rewards beside data and random draws, the map of chemical space, one objective against another."""
    run = selectors.run_for(request.user, pk)
    objectives = objectives_of(run)
    chosen = selectors.read_filter(run, request.GET)
    rewards = space.all_rewards(run)
    report = run.report
    crossed = space.trade_off(run, chosen, objectives, request.GET) if rewards else None
    shown = {
        "rewards": figures.rewards(
            rewards, report.get("data_rewards", []), report.get("random_rewards", []), family_colour(run.family)
        ),
        "map": space_figures.space(space.space(run, chosen)) if rewards else None,
        "trade_off": figures.trade_off(crossed) if crossed else None,
        "crossed": crossed,
        "objectives": objectives,
        **aligned_view(run, chosen),
    }
    frame = _frame(request, run, chosen, tab="space", n_shown=len(selectors.matching(run, chosen)))
    return render(request, "candidates/space.html", frame | shown)


@require_safe
def modes(request: HttpRequest, pk: int) -> HttpResponse:
    """How many clearly different good molecules there are, when they were found, which known ones were reached."""
    run = selectors.run_for(request.user, pk)
    rule, refused = coverage.read_rule(request.GET, coverage.default_rule(run))
    found = coverage.coverage(run, rule)
    pictures = Candidate.objects.filter(run=run).in_bulk([pk for pk, _ in found.best])
    picture = designs_of(run.kind).picture
    best = [(pictures[pk], picture(pictures[pk].smiles), n) for pk, n in found.best if pk in pictures]
    known = [row | {"drawing": picture(row["smiles"])} for row in found.known[: coverage.SHOWN_KNOWN]]
    shown = {
        "coverage": found,
        "rule": rule,
        "refused": refused,
        "measures": designs_of(run.kind).measures,
        "curve": mode_figures.found(found.evaluations, found.found, str(rule), family_colour(run.family)),
        "best": best,
        "known": known,
        "top_reward": Candidate.objects.filter(run=run)
        .order_by("-log_reward")
        .values_list("reward", flat=True)
        .first(),
    }
    frame = _frame(request, run, Filter(), tab="modes", n_shown=run.n_candidates)
    return render(request, "candidates/modes.html", frame | shown)


@require_safe
@when_ready
def groups(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """What the list is made of: its scaffold families, or its clusters of alike ones."""
    run = selectors.run_for(request.user, pk)
    if kind == "families" and not designs_of(run.kind).drawn:
        raise Http404
    chosen = selectors.read_filter(run, request.GET)
    if len(grouping.groups_of(run)) < run.n_candidates:
        send_index(pk)
        if not designs_of(run.kind).drawn or not grow(run, limit_s=GROUP_S):
            grouping.group(run, limit_s=GROUP_S)
    shown = families.shown(run, chosen, request.GET, clusters=kind == "clusters")
    context = {
        "groups": shown,
        "clusters": kind == "clusters",
        "orders": families.ORDERS,
        "base_query": _before_page(chosen.query(by=shown.by)),
        "alike": ALIKE,
    }
    frame = _frame(request, run, chosen, tab=kind, n_shown=len(selectors.matching(run, chosen)))
    return render(request, "candidates/groups.html", frame | context)


@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One molecule: why this one, where it comes from, what is like it, what people said."""
    shown = detail_of(request.user, pk)
    candidate = shown.candidate
    context = {
        "section": "campaigns",
        "detail": shown,
        "kept": shortlisted_among([candidate]).get(candidate.pk),
        "may_pick": may_pick(request.user, candidate.run.campaign.team),
    }
    return render(request, "candidates/detail.html", context)


@require_safe
def why_not(request: HttpRequest, pk: int) -> HttpResponse:
    """Why a typed structure is not among the candidates, or not in the list that the address filters."""
    run = selectors.run_for(request.user, pk)
    chosen = selectors.read_filter(run, request.GET)
    typed = absent.read(run, request.GET.get("structure", ""))
    shown: dict = {"typed": typed, "told": None, "problem": typed.problem}
    if typed.design:
        try:
            shown["told"] = absent.asked(run, typed.design)
        except absent.NoCache as problem:
            shown["problem"] = str(problem)
        shown["drawing"] = designs_of(run.kind).picture(typed.design, LARGE)
    if shown["told"]:
        shown |= _answered(run, shown["told"], chosen)
    shown |= {"address": request.get_full_path(), "listening": worker_listening()}
    frame = _frame(request, run, chosen, tab="why", n_shown=len(selectors.matching(run, chosen)))
    return render(request, "candidates/why_not.html", frame | shown)


def _answered(run: Run, told: dict, chosen: Filter) -> dict:
    """What the page shows of a worker's answer."""
    if "refused" in told:
        return {"problem": told["refused"], "told": None}
    picture = designs_of(run.kind).picture
    pks = [told["pk"], *told["elsewhere"], told["nearest"][0] if told["nearest"] else None]
    rows = (
        Candidate.objects.filter(run__campaign=run.campaign_id).select_related("run").in_bulk([pk for pk in pks if pk])
    )
    near = rows.get(pks[-1])
    known, alike = absent.nearest_known(run, told["design"])
    return {
        "lamps": absent.reasons(run, told, chosen),
        "found": rows.get(told["pk"]),
        "elsewhere": [rows[pk] for pk in told["elsewhere"] if pk in rows],
        "cells": absent.worth_cells(run, told),
        "nearest": (near, picture(near.smiles), told["nearest"][1]) if near else None,
        "known": (picture(known), alike, selectors.nearness(alike, designs_of(run.kind))) if known else None,
    }


@require_safe
def drawing(request: HttpRequest, pk: int) -> HttpResponse:
    """The drawing of one molecule as a picture of its own; `size=large` for the large one."""
    candidate = selectors.candidate_for(request.user, pk)
    size = LARGE if request.GET.get("size") == "large" else SMALL
    etag = '"' + hashlib.sha256(f"{size}{candidate.smiles}".encode()).hexdigest()[:32] + '"'
    answer = get_conditional_response(request, etag=etag)
    if answer is None:
        answer = HttpResponse(designs_of(candidate.run.kind).svg(candidate.smiles, size), content_type="image/svg+xml")
    answer["ETag"] = etag
    answer["Cache-Control"] = "private, max-age=86400"
    answer["Content-Security-Policy"] = DRAWING_POLICY
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
