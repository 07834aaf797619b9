"""Puts together what live previews need: a few child processes, the catalogue, the operator's lists."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from infra import intake, postgres
from infra.check_lists import OperatorLists
from infra.rollouts import rollouts
from infra.settings import Settings
from processors.artwork.sandbox import SandboxPool
from processors.previews import PreviewStudio
from processors.workers.art import TemplateArt
from projections.system_reader import SystemReads

#: One for each core of a small machine; each remembers its last pictures, so more children would know less.
PREVIEW_CHILDREN = 2
#: A child that has just started knows nothing, so previews keep theirs longer than renders do.
JOBS_PER_CHILD = 5_000


@contextmanager
def preview_studio(settings: Settings) -> Iterator[PreviewStudio]:
    """Draws previews until the block ends. Children start with the first preview."""
    objects = intake.bucket(settings)
    lists = OperatorLists(settings.prohibited_words, settings.known_pictures, objects)
    # A list that cannot be used is told at the start, not at the first preview.
    lists.current()
    with (
        postgres.pool(settings.database_app_url, settings, name="api-previews") as pool,
        SandboxPool(PREVIEW_CHILDREN, jobs_per_child=JOBS_PER_CHILD) as children,
    ):
        yield PreviewStudio(
            pool=children,
            templates=SystemReads(pool),
            art=TemplateArt(objects),
            lists=lists.current,
            rollouts=rollouts(settings),
            remover=settings.background_remover,
        )
