"""What stops a projection, by name. The docstring of each is its message and says what to do."""

import inspect


class ProjectionError(Exception):
    """A projection cannot go on."""

    def __init__(self, detail: str = "") -> None:
        message = " ".join(inspect.cleandoc(type(self).__doc__ or "").split())
        super().__init__(f"{message} ({detail})" if detail else message)


class PositionGap(ProjectionError):
    """Facts are missing in the ledger's partition. Run `printledger verify`; restore the partition before going on."""


class PositionRepeated(ProjectionError):
    """A position stands twice in the ledger's partition: two writers. Run `printledger verify` before going on."""


class LedgerUnreadable(ProjectionError):
    """A record of the ledger cannot be read. Run `printledger verify`; if it is whole, upgrade this release."""


class RowRefused(ProjectionError):
    """PostgreSQL refuses what a fact says, and will every time: a text is too long for an index, or a number is out of
    range. Nothing of the batch was kept; upgrade to a release that leaves out what is named."""


class OffsetLost(ProjectionError):
    """The topic no longer holds what comes next: it was truncated. Restore it, or rebuild with `--rebuild`."""


class TopicMissing(ProjectionError):
    """A topic that the read model reads does not exist. Run `printledger up`, which makes the topics."""


class AlreadyRunning(ProjectionError):
    """Another process folds this read model. Stop it, or leave this one out of `printledger project`."""


class BuildSuperseded(ProjectionError):
    """Another build of the read model is shown now. A running projection goes on with that build by itself."""


class NewerReadModel(ProjectionError):
    """The database shows a newer version of this read model than this release knows. Upgrade this process."""


class CheckpointMoved(ProjectionError):
    """Another writer moved this read model's checkpoint. Stop the other process; nothing of this batch was kept."""


class UnknownReadModel(ProjectionError):
    """There is no read model of this name."""


class RebuildNotCatchingUp(ProjectionError):
    """The rebuild did not reach the shown build in time. Give it more time, or stop what loads the machine."""


class RebuildFailed(ProjectionError):
    """A process of the rebuild failed, and nothing of it is shown. Mend what it names, then rebuild again."""


class WaitedTooLong(ProjectionError):
    """What was waited for did not happen in time. It may still happen: ask again."""
