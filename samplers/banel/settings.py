"""The settings of learning from failures. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from samplers.config import Settings, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class BanelSettings(Settings):
    """One run. The paper's values are mostly unknown; these defaults are ours unless the help says otherwise."""

    budget: int = setting(
        1920, label="Budget", help="Candidates that may be tested in all; never exceeded.", low=1, level="basic"
    )
    batch: int = setting(
        96, label="Batch", help="Candidates tested a round, replicates and exploration included.", low=1, level="basic"
    )
    version: str = setting(
        "distilled", label="Version", choices=("accumulated", "distilled"), level="basic",
        words=("keep the generator and every filter", "teach the generator what passed"),
        help="Every filter kept (“accumulated”) is exact, but each round passes 1/f of the one before. Taught "
        "(“distilled”), the generator draws what passes by itself.",
    )  # fmt: skip
    mode: str = setting(
        "promote", label="Hits", choices=("promote", "negatives_only"), level="basic",
        words=("are held against every filter and learned from", "are counted, and only failures are learned from"),
        help="The first (“promote”) lowers every filter that would have rejected a hit; the second "
        "(“negatives_only”) is what the paper does.",
    )  # fmt: skip
    after_hit: str = setting(
        "learn", label="After a hit", choices=("learn", "explore", "stop"), level="basic",
        words=("learn from the hits", "go on learning from failures", "stop"),
        help="Going on, filters stay as far as hits allow. Says nothing where hits are only counted.",
    )  # fmt: skip
    filter_factor: float = setting(
        2.0, label="Filter strength", help="One in so many candidates is kept each round.", low=1, high=64,
        level="basic", ends=("drop few", "keep few"),
    )  # fmt: skip
    insurance: float = setting(
        0.1, label="Exploration share", low=0, high=1, level="basic",
        help="Share of every batch drawn from the generator before any filter. It guarantees part of plain "
        "resampling's chance of a hit, whatever the filters do.",
    )  # fmt: skip
    replicates: int = setting(0, label="Replicates", help="Wells a batch that test a candidate of it again.", low=0)
    failure_epochs: int = setting(
        20, label="Failure model effort", help="Most epochs of the failure model a round.", low=1, high=1000,
        level="basic", ends=("fast", "thorough"),
    )  # fmt: skip
    failure_learning_rate: float = setting(2e-3, label="Failure model step size", help="Of Adam.", low=1e-7, high=1)
    failure_batch: int = setting(32, label="Failure model batch", help="Failures a step.", low=1)
    held_out: float = setting(
        0.15, label="Held-out failures", help="Share that judges the failure model, and ends its training early if "
        "asked to. Zero trains all epochs.", low=0, high=0.5,
    )  # fmt: skip
    stop_early: bool = setting(
        True, label="End early", help="End the failure model's training by the held-out failures, and refuse a filter "
        "that does not know them. While everything fails they are draws like any other and say nothing; off, all "
        "epochs are run and they are only reported.",
    )  # fmt: skip
    patience: int = setting(3, label="Patience", help="Epochs without a better held-out likelihood.", low=1)
    failures_used: str = setting(
        "last", label="Failures used", choices=("last", "all"),
        words=("those answered since the last learning", "all, each round with the same weight"),
        help="What the failure model of a round is fitted to.",
    )  # fmt: skip
    kappa: float = setting(1.0, label="κ", help="Weight of the failure model in the score.", low=0.1, high=2)
    normaliser: str = setting(
        "none",
        label="Score",
        choices=("none", "token"),
        words=("summed over tokens", "mean of a token"),
        help="A sum spreads with the length of a candidate, so that long ones come out at both ends.",
    )
    length_bins: int = setting(
        1, label="Length bins", help="Thresholds are set within so many bins of length, so that long candidates are "
        "not favoured for their length.", low=1, high=20,
    )  # fmt: skip
    softness: float = setting(
        0.0, label="Softness", help="Zero passes or rejects; above, candidates pass with probability "
        "σ((score − threshold) / softness), for verdicts with errors.", low=0, high=10,
    )  # fmt: skip
    keep: int = setting(
        2000, label="Distillation set", help="Candidates that passed, to learn from each round (accumulated: to set "
        "the threshold by).", low=10,
    )  # fmt: skip
    distil_epochs: int = setting(5, label="Distillation epochs", help="At most; ended early on held-out ones.", low=1)
    distil_learning_rate: float = setting(1e-3, label="Distillation step size", help="Of Adam.", low=1e-7, high=1)
    distil_batch: int = setting(64, label="Distillation batch", help="Candidates a step.", low=1)
    replay: float = setting(
        0.0, label="Replay", help="Share of the distillation set drawn from the generator before any learning and "
        "passing every filter.", low=0, high=0.9,
    )  # fmt: skip
    reset_generator: bool = setting(False, label="Reset", help="Distil from the first generator every round.")
    filter_batch: bool = setting(
        True, label="Filter batches", help="Apply the newest filter to what a distilled generator sends."
    )
    accumulate: bool = setting(False, label="All filters", help="Distillation sets pass the filters of all rounds.")
    dedup: bool = setting(True, label="Never twice", help="Draw again what was tested before; off as in the paper.")
    diversity: float = setting(
        1.0, label="Diversity", help="Filtered candidates are picked from so many times as many, far from each other; "
        "changes the law they are drawn by.", low=1, high=20,
    )  # fmt: skip
    min_share: float = setting(
        0.5, label="Answers before learning", help="Share of a round that must be answered first.", low=0.01, high=1
    )
    refuse_below: float = setting(
        0.5, label="Refuse below", help="AUC of held-out failures against fresh candidates under which a round's "
        "filter is not used.", low=0, high=1,
    )  # fmt: skip
    makeable_from: int = setting(
        8, label="Not made: from how many", help="From so many candidates that could not be made, and as many that "
        "could, filtered draws are thinned by their estimated chance to be made; 0 never. Not made is never a failure.",
        low=0,
    )  # fmt: skip
    min_unique: float = setting(
        0.8, label="Stop: new and valid", help="Stop when the share of valid unique draws falls below this share of "
        "its start; 0 never.", low=0, high=1,
    )  # fmt: skip
    min_support: float = setting(
        0.1, label="Stop: support", help="Stop when the effective support falls below this share of its start; 0 "
        "never.", low=0, high=1,
    )  # fmt: skip
    max_kl: float = setting(0.0, label="Stop: drift", help="Most nats from the first generator; 0 is no limit.", low=0)
    blind_rounds: int = setting(
        3, label="Stop: blind", help="Stop after so many rounds with an AUC below 0.52; 0 never.", low=0
    )
