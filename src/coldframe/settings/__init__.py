"""One frozen tree of settings: default, bounds, unit and the reason for each value.

Order of authority: `coldframe.toml` < environment (`COLDFRAME_WINDOW__DAYS=30`) < command-line flag
(`--set window.days=30`). docs/settings.md is generated from this package; a test fails when they differ.

    declare.py    how a setting is declared
    learners.py   the experts' and the mixer's values and their reasons
    rules.py      the shop's own rules for every list
    feeds.py      the live feeds' values and their reasons
    sections.py   all other values, and the tree
    loading.py    file, environment and flags -> Settings
    rewriting.py  changes values in that file and keeps the rest
    toml.py       Settings -> the documented file that `coldframe init` writes
"""

from coldframe.settings.loading import (
    ENVIRONMENT_PREFIX,
    FILE_NAME,
    SettingInfo,
    as_dict,
    describe,
    load,
    with_value,
)
from coldframe.settings.sections import (
    CollaborativeSettings,
    ContentSettings,
    EventSettings,
    ItemItemSettings,
    KafkaSettings,
    MixerSettings,
    NegativeSettings,
    PopularitySettings,
    RecommendSettings,
    RepeatSettings,
    RulesSettings,
    ScheduleSettings,
    ServingSettings,
    Settings,
    SpectralSettings,
    StoreSettings,
    TrainingSettings,
    TransitionSettings,
    WindowSettings,
    default_event_weights,
    setting,
)
from coldframe.settings.toml import documented_toml, toml_value

__all__ = [
    "ENVIRONMENT_PREFIX",
    "FILE_NAME",
    "CollaborativeSettings",
    "ContentSettings",
    "EventSettings",
    "ItemItemSettings",
    "KafkaSettings",
    "MixerSettings",
    "NegativeSettings",
    "PopularitySettings",
    "RecommendSettings",
    "RepeatSettings",
    "RulesSettings",
    "ScheduleSettings",
    "ServingSettings",
    "SettingInfo",
    "Settings",
    "SpectralSettings",
    "StoreSettings",
    "TrainingSettings",
    "TransitionSettings",
    "WindowSettings",
    "as_dict",
    "default_event_weights",
    "describe",
    "documented_toml",
    "load",
    "setting",
    "toml_value",
    "with_value",
]
