"""Runs a projection for good: rebuilds what a release changed, then follows the ledger."""

import logging
import threading
from collections.abc import Sequence

from events.codec import Codec
from projections.model import ReadModel
from projections.rebuild import rebuild
from projections.runner import Clock, Limits, OpenConnection, Projection, VersionChanged
from projections.source import OpenConsumer

log = logging.getLogger(__name__)


def follow(
    models: Sequence[ReadModel],
    open_connection: OpenConnection,
    open_consumer: OpenConsumer,
    codec: Codec,
    clock: Clock,
    stop: threading.Event,
    limits: Limits | None = None,
) -> None:
    """Fold these read models until `stop` is set; raises a `ProjectionError` when the ledger cannot be folded."""
    while not stop.is_set():
        try:
            Projection(models, open_connection, open_consumer, codec, clock, limits).run(stop)
        except VersionChanged as changed:
            log.info("rebuilds a read model that this release changed", extra={"read_model": changed.model.name})
            rebuild(changed.model, open_connection, open_consumer, codec)
