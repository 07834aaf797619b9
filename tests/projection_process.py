"""A projection of all read models in a process of its own, in small batches, to be killed by tests."""

import sys
import threading
import time
from pathlib import Path

from events.codec import Codec
from infra.commands.project import connections_of, topics_of
from infra.settings import load
from projections.models import ALL, chosen
from projections.runner import Limits, Projection


def main(database_url: str, data_dir: str, topic_prefix: str) -> None:
    """Fold until killed."""
    settings = load(Path(data_dir)).model_copy(update={"database_url": database_url, "topic_prefix": topic_prefix})
    connections = connections_of(settings)
    Projection(
        chosen([ALL], topics_of(settings)),
        connections.open_database,
        connections.open_consumer,
        Codec(),
        lambda: int(time.time() * 1000),
        Limits(batch_records_max=100),
    ).run(threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
