"""The lane's rules as its settings have them."""

from __future__ import annotations

from controller.lane.records import LaneRules
from controller.settings_records import LampSettings, LaneSettings


def lane_rules(mine: LaneSettings, lamp: LampSettings) -> LaneRules:
    """The state machine's share of the settings."""
    return LaneRules(
        read_timeout_s=mine.read_timeout_s,
        reask_first_s=mine.reask_first_s,
        reask_longest_s=mine.reask_longest_s,
        refusal_retry_s=mine.refusal_retry_s,
        authorisation_longest_s=mine.authorisation_longest_s,
        renew_before_s=mine.renew_before_s,
        lease_s=lamp.lease_s,
    )
