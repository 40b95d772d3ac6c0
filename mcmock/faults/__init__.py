"""Faults: the service misbehaves on request, the same way twice. This package decides; a shell performs.

effects.py   what each effect does: the one table, EFFECTS
rule.py      FaultRule: an effect, which requests it is for, how often; from and to JSON
builders.py  one constructor per effect, for Python
selection.py which rule fires at which request; counts and draws
active.py    the rules in force, and what they hold
presets.py   named sets of rules: those that know no API, and those of each
loading.py   rules from TOML and JSON
losses.py    what became of each request that a fault met
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcmock.core.late import handing_over

if TYPE_CHECKING:
    from mcmock.faults import losses
    from mcmock.faults.active import FaultState, Hold
    from mcmock.faults.builders import (
        REFUSAL_SCHEMA,
        Refusal,
        alter,
        close,
        delay,
        drip,
        drop_header,
        expire_session,
        forget_session,
        hang,
        malformed,
        rate_limit,
        refusal_from_json,
        refuse,
        reset,
        set_header,
        status,
        truncate,
    )
    from mcmock.faults.effects import EFFECTS
    from mcmock.faults.loading import load, load_file, load_value, rules_from
    from mcmock.faults.presets import PRESETS, Preset, preset
    from mcmock.faults.rule import FaultRule, rule_from_json, rule_schema, rule_to_json
else:
    __getattr__ = handing_over(
        __name__,
        active="FaultState Hold",
        builders="REFUSAL_SCHEMA Refusal alter close delay drip drop_header expire_session forget_session "
        "hang malformed rate_limit refusal_from_json refuse reset set_header status truncate",
        effects="EFFECTS",
        loading="load load_file load_value rules_from",
        losses="",
        presets="PRESETS Preset preset",
        rule="FaultRule rule_from_json rule_schema rule_to_json",
    )

__all__ = [
    "EFFECTS", "PRESETS", "REFUSAL_SCHEMA", "FaultRule", "FaultState", "Hold", "Preset", "Refusal", "alter", "close",
    "delay", "drip", "drop_header", "expire_session", "forget_session", "hang", "load", "load_file", "load_value", "losses",
    "malformed", "preset", "rate_limit", "refusal_from_json", "refuse", "reset", "rule_from_json", "rule_schema",
    "rule_to_json", "rules_from", "set_header", "status", "truncate",
]  # fmt: skip
