"""Autoregressive models against sums over every string they can write."""

import math

import pytest
import torch

from samplers.banel.autoregressive import Autoregressive
from samplers.banel.diagnostics import log_success
from samplers.banel.filters import Filter, Funnel, Region, draw_accepted, keep_largest
from samplers.banel.language import Language
from samplers.banel.models import Effort
from samplers.banel.networks import Recurrent, Slots, Transformer
from samplers.banel.table import Table
from samplers.errors import ConfigError
from tests.samplers.banel.tables import ratio, states, table

LETTERS = Language.of_letters("abc", min_length=1, max_length=4)
PLACES = Language((("a", "b", "c"), ("", "x"), ("p", "q", "r", "s")))
EFFORT = Effort(5, 1e-2, 16)


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def shaken(body):
    with torch.no_grad():
        for weight in body.parameters():
            weight.add_(torch.randn(weight.shape, generator=source(1)) * 0.3)
    return body


def model(language, make):
    return Autoregressive(language, shaken(make(language, source()))).double()


MODELS = pytest.mark.parametrize(
    ("language", "make"),
    [(LETTERS, Transformer), (PLACES, Slots), (LETTERS, Slots), (PLACES, Transformer), (LETTERS, Recurrent)],
)


@MODELS
def test_all_strings_together_have_probability_one(language, make):
    assert float(model(language, make).log_prob(language.everything()).exp().sum()) == pytest.approx(1, abs=1e-9)


@MODELS
def test_a_string_has_one_score_alone_in_a_batch_and_while_it_is_drawn(language, make):
    found = model(language, make)
    rows, drawn = found.draw_scored(64, source())
    torch.testing.assert_close(found.log_prob(rows), drawn, atol=1e-9, rtol=0)
    alone = torch.cat([found.log_prob(row) for row in rows.split(1)])
    torch.testing.assert_close(alone, drawn, atol=1e-9, rtol=0)


@MODELS
def test_what_follows_the_end_says_nothing_and_a_token_sees_only_those_before_it(language, make):
    found, rows = model(language, make), language.everything()
    tokens = found.token_log_probs(rows)
    behind = ~language.actions(rows)[1]
    assert (tokens[behind] == 0).all()
    changed = rows.clone()
    changed[:, -1] = 0
    torch.testing.assert_close(found.body(changed.clamp_min(0)), found.body(rows.clamp_min(0)))


@MODELS
def test_draws_follow_the_scores(language, make):
    found, rows = model(language, make), language.everything()
    texts = language.texts(rows)
    drawn = language.texts(found.draw(20_000, source()))
    counts = torch.tensor([drawn.count(text) for text in texts], dtype=torch.float64)
    expected = found.log_prob(rows).exp() * 20_000
    enough = expected > 5
    statistic = float(((counts - expected) ** 2 / expected)[enough].sum())
    n = int(enough.sum())
    assert counts.sum() == 20_000
    assert statistic < n + 4.5 * math.sqrt(2 * n)


def test_at_infinite_temperature_every_allowed_token_is_equally_likely():
    even = model(PLACES, Slots).tempered(math.inf)
    torch.testing.assert_close(even.log_prob(PLACES.everything()), torch.full((24,), -math.log(24)).double())


def test_texts_and_rows_go_both_ways():
    rows = LETTERS.encode(["a", "cab", "abca"])
    assert LETTERS.texts(rows) == ["a", "cab", "abca"]
    assert LETTERS.lengths(rows).tolist() == [1, 3, 4]
    with pytest.raises(ConfigError, match="'abcab' is not in this language"):
        LETTERS.encode(["abcab"])
    with pytest.raises(ConfigError, match="'' is not in this language"):
        LETTERS.encode([""])


@MODELS
def test_training_comes_near_the_frequencies_of_the_data(language, make):
    found = Autoregressive(language, make(language, source()))
    rows = language.everything()[::5]
    data = rows.repeat_interleave(torch.arange(len(rows)) + 1, 0)
    share = (torch.arange(len(rows)) + 1.0) / len(data)
    found.fit(data, Effort(150, 1e-2, 64), source())
    assert float(found.log_prob(rows).exp() @ share.double().log().exp()) > 0
    divergence = float((share.double() * (share.double().log() - found.log_prob(rows))).sum())
    assert divergence < 0.02


def test_training_is_the_same_twice_and_weights_count_as_repeats():
    rows = PLACES.everything()[[0, 5, 17]]
    fits = []
    for data, weights in ((rows, torch.tensor([2.0, 1.0, 1.0])), (rows[[0, 0, 1, 2]], None)):
        found = model(PLACES, Slots)
        found.fit(data, Effort(400, 1e-2, 8), source(), weights=weights)
        fits.append(found.log_prob(rows).exp())
    torch.testing.assert_close(fits[0], torch.tensor([0.5, 0.25, 0.25]).double(), atol=0.02, rtol=0)
    torch.testing.assert_close(fits[0], fits[1], atol=0.02, rtol=0)
    once, twice = model(PLACES, Slots), model(PLACES, Slots)
    once.fit(rows, EFFORT, source(3))
    twice.fit(rows, EFFORT, source(3))
    assert torch.equal(once.log_prob(rows), twice.log_prob(rows))


def test_held_out_rows_end_training_and_the_best_epoch_is_kept():
    found, rows = model(PLACES, Slots), PLACES.everything()
    before = -float(found.log_prob(rows[12:]).mean())
    fit = found.fit(rows[:2], Effort(300, 3e-2, 8, 3), source(), held_out=rows[12:])
    assert fit.early
    assert fit.epochs < 50
    assert fit.held_out_nll_before == pytest.approx(before)
    assert fit.held_out_nll == pytest.approx(-float(found.log_prob(rows[12:]).mean()))
    assert fit.held_out_nll <= before


def test_the_rate_of_a_listed_success_set_is_that_of_draws():
    found, rows = model(PLACES, Slots), PLACES.everything()
    successes = rows[[3, 4, 11, 20]]
    rate = math.exp(log_success(found, successes))
    names = set(PLACES.texts(successes))
    n_hit = sum(text in names for text in PLACES.texts(found.draw(20_000, source())))
    assert abs(n_hit / 20_000 - rate) < 4 * math.sqrt(rate * (1 - rate) / 20_000)


@pytest.mark.parametrize("tau", [0.7, 1.0, 1.3])
def test_rejection_draws_the_enumerated_posterior_at_the_enumerated_rate(tau):
    p = table(0.4, 0.2, 0.15, 0.1, 0.06, 0.05, 0.03, 0.01)
    q = table(0.5, 0.22, 0.1, 0.08, 0.04, 0.03, 0.02, 0.01)
    region, funnel = Region([Filter(ratio(p, q), (math.log(tau),))]), Funnel()
    accepted = region.accepts(states(8))
    drawn = draw_accepted(p, region, 4000, source(), funnel=funnel)
    alpha, n = float(p.p[accepted].sum()), funnel.proposed
    assert abs(funnel.acceptance - alpha) <= 3.3 * math.sqrt(alpha * (1 - alpha) / n)
    expected = p.given(accepted).p * 4000
    counts = torch.bincount(drawn[:, 0], minlength=8).double()
    assert (counts[~accepted] == 0).all()
    statistic = float(((counts - expected) ** 2 / expected)[accepted].sum())
    assert statistic < {3: 13.8, 5: 18.5, 7: 24.3}.get(int(accepted.sum()) - 1, 24.3)  # p > 1e-3


def test_a_quantile_passes_its_share_of_fresh_draws():
    long = Language.of_letters("abc", min_length=8, max_length=12)  # so that no string is a lump of its own
    found, failures = model(long, Transformer), model(long, Slots)
    score, pool = ratio(found, failures), found.draw(8000, source(1))
    kept = keep_largest(score(pool), torch.zeros(8000).long(), 1, 4.0, source())
    fresh = Filter(score, kept.thresholds).passes(found.draw(8000, source(2))).double().mean()
    assert abs(float(fresh) - 0.25) < 0.03


def test_a_table_fitted_to_samples_is_their_histogram_and_comes_near_the_posterior():
    p = table(0.4, 0.2, 0.15, 0.1, 0.06, 0.05, 0.03, 0.01)
    posterior = p.given(torch.tensor([False, True, True, True, True, True, True, True]))
    divergences = []
    for n in (1_000, 10_000, 100_000):
        found, total = p.copy(), 0.0
        for seed in range(10):
            drawn = posterior.draw(n, source(seed))
            found.fit(drawn, EFFORT, source())
            torch.testing.assert_close(found.p, torch.bincount(drawn[:, 0], minlength=8).double() / n)
            kept = found.p > 0
            total += float((found.p[kept] * (found.p[kept] / posterior.p[kept]).log()).sum())
        divergences.append(total / 10)
    # Expected: (states - 1) / 2n.
    assert divergences == pytest.approx([3e-3, 3e-4, 3e-5], rel=0.6)


def test_without_a_filter_distillation_is_unbiased_self_training():
    p, mean = table(0.5, 0.3, 0.15, 0.05), torch.zeros(4, dtype=torch.float64)
    for seed in range(400):
        again = Table(p.p.clone())
        again.fit(p.draw(100, source(seed)), EFFORT, source())
        mean += again.p / 400
    torch.testing.assert_close(mean, p.p, atol=0.01, rtol=0)
