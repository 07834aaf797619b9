"""Runs a projection for good: rebuilds what a release changed, then follows the ledger."""

import logging
import threading
from collections.abc import Sequence

from events.codec import Codec
from projections.connections import Connections
from projections.model import Topics
from projections.models import chosen
from projections.rebuild import rebuild
from projections.runner import Clock, Limits, Projection, VersionChanged

log = logging.getLogger(__name__)


def follow(
    names: Sequence[str],
    topics: Topics,
    connections: Connections,
    codec: Codec,
    clock: Clock,
    stop: threading.Event,
    limits: Limits | None = None,
) -> None:
    """Fold these read models until `stop` is set; raises a `ProjectionError` when the ledger cannot be folded."""
    models = chosen(names, topics)
    while not stop.is_set():
        projection = Projection(
            models, connections.open_database, connections.open_consumer, codec, clock, limits or Limits()
        )
        try:
            projection.run(stop)
        except VersionChanged as changed:
            log.info("rebuilds a read model that this release changed", extra={"read_model": changed.model.name})
            rebuild(changed.model.name, topics, connections, codec)
