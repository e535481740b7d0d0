"""The library's refusals under names that the product may catch."""

from samplers.api import ConfigError as SettingRefused
from samplers.api import DesignError as Refused

__all__ = ["Refused", "SettingRefused"]
