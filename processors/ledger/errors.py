"""What stops a ledger process, by name. Each docstring is the message and says what to do."""

from processors.ports import NamedError


class LedgerStopped(NamedError):
    """The ledger cannot go on."""

    #: Exit code of the process; `printledger ledger` documents them.
    exit_code = 70


class LedgerBroken(LedgerStopped):
    """The ledger's own records break a rule. Run `printledger verify` and keep the topic until it is clear why."""

    exit_code = 65


class PositionGap(LedgerBroken):
    """A partition's positions do not run on: facts are missing or stand twice. Run `printledger verify`."""


class SequenceGap(LedgerBroken):
    """The facts of one key do not run on: some are missing or stand twice. Run `printledger verify`."""


class WrongHash(LedgerBroken):
    """A fact's hash is not that of its content: it, or one before it, was changed. Run `printledger verify`."""


class CheckpointNotInLog(LedgerBroken):
    """The log does not hold the checkpoint's fact: it was cut, replaced, or is another cluster's. Compare both before
    going on; where the log is right, delete the stream's rows of ledger_checkpoints and ledger_snapshots."""


class IntakeCut(LedgerBroken):
    """Intake ends before the offset up to which it is answered: it lost its end, or is another cluster's. What came
    since would be taken for answered. Set the offset of the ledger's consumer group to where intake was cut, with
    Kafka's kafka-consumer-groups --reset-offsets; where nobody knows that, to before it: an order recognises the
    commands that it answered."""


class FactUnreadable(LedgerBroken):
    """A fact of the ledger cannot be read by this release. Upgrade it, or run `printledger verify`."""


class PartitionCountChanged(LedgerStopped):
    """The stream's topics do not have the number of partitions that they began with. Growth needs a v2 topic: the same
    key would now go to another partition and have two histories."""

    exit_code = 78


class TopicMissing(LedgerStopped):
    """A topic of the stream does not exist. Run `printledger up`, which makes the topics."""

    exit_code = 78


class SlotTaken(LedgerStopped):
    """Another process runs under this slot and has fenced this one. Give every process its own slot."""

    exit_code = 75


class Stopping(Exception):
    """The process was asked to stop while it waited."""
