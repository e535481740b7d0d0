"""Settings of the models for fixed data and of the chains that draw from them, and the published ones by name."""

from __future__ import annotations

from dataclasses import dataclass

from samplers.config import Settings, setting
from samplers.errors import ConfigError

FORMS = ("coupled", "decoupled", "regression")
RULES = ("ascent", "scales", "tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergySettings(Settings):
    """How a model is trained. Labels are standardised first, so τ, w and energies are in their standard deviations."""

    form: str = setting(
        "coupled", label="Model", choices=FORMS,
        help="One network for reward and density, two separate ones, or the reward alone.",
    )  # fmt: skip
    noise: bool = setting(
        False, label="Noise in training chains", help="Negatives are drawn from the density instead of climbed to."
    )
    alpha_rule: str = setting(
        "learned", label="Weight of conservatism", choices=("learned", "fixed"),
        help="Learned: raised until predictions off the data exceed those on it by no more than τ.",
    )  # fmt: skip
    alpha: float = setting(0.1, label="α", help="Weight of conservatism, or where it starts.", low=0.0, high=1e6)
    tau: float = setting(0.5, label="τ", help="Overestimation that is let pass.", low=0.0, high=1e6)
    alpha_learning_rate: float = setting(0.01, label="Learning rate of α", help="Adam, on log α.", low=0.0, high=10.0)
    chain_steps: int = setting(50, label="K", help="Steps of a training chain.", low=1, high=100_000)
    chain_rule: str = setting(
        "ascent", label="Steps of training chains", choices=RULES,
        help="Ascent: η times the root of the dimension. Scales: ε²/2 with ε falling geometrically. Tokens: single "
        "changes of a sequence, accepted or refused so that the law is exact.",
    )  # fmt: skip
    eta: float = setting(0.05, label="η", help="Ascent step before its scaling by √D.", low=0.0, high=1e6)
    first_scale: float = setting(0.02, label="First ε", help="Noise scale at the start.", low=1e-9, high=1e3)
    last_scale: float = setting(1e-4, label="Last ε", help="Noise scale at the end.", low=1e-9, high=1e3)
    start_noise: float = setting(0.0, label="Start noise", help="Standard deviation added to starts.", low=0, high=1e3)
    buffer_size: int = setting(
        0,
        label="Memory",
        help="Ends of training chains that later ones go on from; 0 starts at data.",
        low=0,
        high=10**7,
    )
    restart_share: float = setting(0.05, label="Restarts", help="Of memory chains, evenly in the box.", low=0, high=1)
    box_margin: float = setting(0.25, label="Box", help="Of the data's range, added on each side.", low=0, high=100)
    reflects: bool = setting(False, label="Walls", help="Chains are reflected at the box.")
    confinement: float = setting(0.0, label="κ", help="Of ½κ‖x−μ‖², taken off the log-density.", low=0.0, high=1e6)
    energy_penalty: float = setting(0.0, label="Energy penalty", help="On f² of data and negatives.", low=0.0, high=1e6)
    energy_keeps_regression: bool = setting(
        False, label="Energy keeps regression", help="The decoupled energy learns the labels too, as in the prototype."
    )
    squared_weight: float = setting(1.0, label="Weight of the squared error", help="½ or 1.", low=0.0, high=1e3)
    standardise: bool = setting(True, label="Standardise labels", help="To mean 0 and standard deviation 1.")
    n_members: int = setting(1, label="Reward networks", help="Trained side by side.", low=1, high=100)
    combine: str = setting("mean", label="Ensemble", help="How their answers become one.", choices=("mean", "min"))
    width: int = setting(256, label="Width", help="Hidden units of a layer.", low=1, high=65536)
    n_layers: int = setting(2, label="Layers", help="Hidden layers.", low=1, high=16)
    activation: str = setting("silu", label="Activation", help="Of hidden layers.", choices=("silu", "relu"))
    learning_rate: float = setting(1e-3, label="Learning rate", help="Adam, of every network.", low=0.0, high=10.0)
    rate_falls: bool = setting(
        False, label="Falling rate", help="The learning rate falls evenly to nothing over the steps."
    )
    batch_size: int = setting(128, label="Batch", help="Rows of a step.", low=1, high=1_000_000)
    steps: int = setting(2000, label="Steps", help="Training steps.", low=1, high=10_000_000)

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        learned = self.form == "coupled" and self.alpha_rule == "learned"
        if learned and self.alpha <= 0:
            raise ConfigError("alpha", "must be above 0 where it is learned, since its logarithm is what learns")
        if self.form == "decoupled" and self.alpha_rule == "learned":
            raise ConfigError("alpha_rule", "must be fixed for the decoupled model, whose energy predicts no reward")
        if self.form == "decoupled" and self.alpha == 0:
            raise ConfigError("alpha", "must be above 0 for the decoupled model, whose energy would learn nothing")
        if self.chain_rule == "tokens" and not self.noise and self.form != "regression":
            raise ConfigError("noise", "must be on where training chains change tokens, which they do at random")
        if self.combine == "min" and self.form == "coupled":
            raise ConfigError("combine", "says how several reward networks answer; the coupled model has one network")
        if self.n_members > 1 and self.form == "coupled":
            raise ConfigError("n_members", "must be 1 for the coupled model, whose one network is also its density")


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationSettings(Settings):
    """How designs are drawn from a trained model."""

    n_designs: int = setting(128, label="Designs", help="Chains run at once.", low=1, high=10_000_000)
    start: str = setting(
        "top", label="Start points", help="The best data, data drawn evenly, or points of the box.",
        choices=("top", "data", "uniform"),
    )  # fmt: skip
    n_steps: int = setting(50, label="Steps", help="Of every chain.", low=0, high=10_000_000)
    noise: bool = setting(False, label="Sample", help="Sample from the density instead of climbing it.")
    adjusted: bool = setting(False, label="Metropolis", help="Accept or refuse steps, so that the law is exact.")
    chain_rule: str = setting("ascent", label="Steps", help="As of training chains.", choices=RULES)
    eta: float = setting(0.05, label="η", help="Ascent step before its scaling by √D.", low=0.0, high=1e6)
    first_scale: float = setting(0.1, label="First ε", help="Noise scale at the start.", low=1e-9, high=1e3)
    last_scale: float = setting(1e-4, label="Last ε", help="Noise scale at the end.", low=1e-9, high=1e3)
    temperature: float = setting(1.0, label="Temperature", help="Divides log-densities.", low=1e-6, high=1e6)
    guidance: float = setting(1.0, label="w", help="Weight of the reward, decoupled model.", low=0.0, high=1e6)
    aims: bool = setting(False, label="Aim at a value", help="Ask for a reward instead of as much as possible.")
    target: float = setting(0.0, label="Target", help="The reward asked for, in the labels' unit.")
    tolerance: float = setting(1.0, label="Tolerance", help="Standard deviation around it.", low=1e-9, high=1e9)
    largest_gradient: float = setting(
        0.0, label="Clip", help="Longest gradient of a step; 0 for no limit.", low=0.0, high=1e9
    )
    keep_every: int = setting(0, label="Keep", help="Steps between kept states; 0 keeps none.", low=0, high=10**7)

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if self.adjusted and not self.noise:
            raise ConfigError("adjusted", "needs chains that sample; a climb has nothing to accept or refuse")
        if self.chain_rule == "tokens" and not self.noise:
            raise ConfigError("noise", "must be on where chains change tokens, which they do at random")
