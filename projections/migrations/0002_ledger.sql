-- The ledger's own snapshots: folded state and how far it goes. Everything here can be folded again from the topics.

CREATE TABLE ledger_snapshots (
    stream    text    NOT NULL,
    key       text    NOT NULL,
    partition integer NOT NULL,
    seq       bigint  NOT NULL,
    state     bytea   NOT NULL,
    PRIMARY KEY (stream, key)
) WITH (fillfactor = 70);
COMMENT ON TABLE ledger_snapshots IS 'Folded state of one key (msgpack), as of its fact number seq.';
-- Rows are rewritten all the time: compressing each version costs more than it saves.
ALTER TABLE ledger_snapshots ALTER COLUMN state SET STORAGE EXTERNAL;
CREATE INDEX ledger_snapshots_partition ON ledger_snapshots (stream, partition);

CREATE TABLE ledger_checkpoints (
    stream          text        NOT NULL,
    partition       integer     NOT NULL,
    partition_count integer     NOT NULL,
    state_shape     text        NOT NULL,
    epoch           bigint      NOT NULL,
    position        bigint      NOT NULL,
    record_offset   bigint      NOT NULL,
    hash            bytea       NOT NULL,
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stream, partition)
);
COMMENT ON TABLE ledger_checkpoints IS
    'Up to which fact of a partition the snapshots are complete, and which writer (epoch) may move that forward.';
