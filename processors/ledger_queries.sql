-- claim --
-- Become the writer of a partition's checkpoint: the epoch grows, so that the writer before is fenced.
INSERT INTO ledger_checkpoints AS c
    (stream, partition, partition_count, state_shape, epoch, position, record_offset, hash)
VALUES (%(stream)s, %(partition)s, %(partition_count)s, %(state_shape)s, 1, 0, -1, %(genesis)s)
ON CONFLICT (stream, partition) DO UPDATE SET epoch = c.epoch + 1
RETURNING partition_count, state_shape, epoch, position, record_offset, hash

-- forget rows --
-- Drop the snapshots of a partition: their shape is not this release's, so they are folded again.
DELETE FROM ledger_snapshots WHERE stream = %(stream)s AND partition = %(partition)s

-- forget checkpoint --
-- Begin the partition from its first fact, in the shape of this release.
UPDATE ledger_checkpoints
SET state_shape = %(state_shape)s, position = 0, record_offset = -1, hash = %(genesis)s, updated_at = now()
WHERE stream = %(stream)s AND partition = %(partition)s AND epoch = %(epoch)s

-- read snapshots --
-- The states of many keys at once.
SELECT key, state FROM ledger_snapshots WHERE stream = %(stream)s AND key = ANY(%(keys)s)

-- write snapshots --
-- Replace older states. A row that is as new already stays, so that a late writer cannot take it back.
INSERT INTO ledger_snapshots AS s (stream, key, partition, seq, state)
SELECT %(stream)s, row.key, %(partition)s, row.seq, row.state
FROM unnest(%(keys)b::text[], %(seqs)b::bigint[], %(states)b::bytea[]) AS row (key, seq, state)
ON CONFLICT (stream, key) DO UPDATE SET seq = excluded.seq, state = excluded.state
WHERE s.seq < excluded.seq

-- move checkpoint --
-- Move the checkpoint forward, if this writer still owns it and it stands where this writer has left it; or where a
-- first try has brought it, whose answer was lost.
UPDATE ledger_checkpoints
SET position = %(position)s, record_offset = %(record_offset)s, hash = %(hash)s, updated_at = now()
WHERE stream = %(stream)s AND partition = %(partition)s AND epoch = %(epoch)s
  AND position BETWEEN %(since)s AND %(position)s

-- find checkpoint --
-- Whose checkpoint it is, and where it stands.
SELECT epoch, position FROM ledger_checkpoints WHERE stream = %(stream)s AND partition = %(partition)s
