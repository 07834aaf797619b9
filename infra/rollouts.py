"""Which template versions are being rolled out: the setting TEMPLATE_ROLLOUTS as the records that decide."""

from __future__ import annotations

from typing import Any

import msgspec

from events.decoding import convert
from infra.settings import Settings
from processors.artwork.rollout import Rollout
from processors.ports import NamedError


class RolloutInvalid(NamedError):
    """TEMPLATE_ROLLOUTS must be JSON: by template id stable_version, version, share_permille and unit."""


def rollouts(settings: Settings) -> dict[str, Rollout]:
    """The roll-outs of the settings by template id. Raises RolloutInvalid."""
    return {name: _rollout(name, told) for name, told in settings.template_rollouts.items()}


def _rollout(template_id: str, told: dict[str, Any]) -> Rollout:
    try:
        rollout = convert({**told, "template_id": template_id}, Rollout)
    except msgspec.ValidationError as error:
        raise RolloutInvalid(f"{template_id}: {RolloutInvalid.__doc__} ({error})") from None
    if not 0 <= rollout.share_permille <= 1000:
        raise RolloutInvalid(f"{template_id}: share_permille lies from 0 to 1000. {RolloutInvalid.__doc__}")
    return rollout
