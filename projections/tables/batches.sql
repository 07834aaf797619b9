-- tables --
CREATE TABLE batches (
    tenant     text    NOT NULL,
    batch_id   text    NOT NULL,
    partner_id text    NOT NULL,
    stage      text    NOT NULL,
    opened_at  bigint  NOT NULL,
    moved_at   bigint  NOT NULL,
    updated_at bigint  NOT NULL,
    seq        integer NOT NULL,
    state      bytea   NOT NULL
);
COMMENT ON TABLE batches IS 'One row a production batch of a house press: its lines, its sheets, how far it is.';
COMMENT ON COLUMN batches.tenant IS 'The shop''s own, which shares its sheets among the tenants: their ids are in the state.';
COMMENT ON COLUMN batches.stage IS 'open, closed, sent, completed, cleared or abandoned.';
COMMENT ON COLUMN batches.moved_at IS 'When it last came further (epoch milliseconds): being stuck is no move.';
COMMENT ON COLUMN batches.state IS 'The folded batch (msgpack), from which the next facts are folded.';

-- before loading --
ALTER TABLE batches ADD PRIMARY KEY (batch_id);

-- after loading --
CREATE INDEX ON batches (stage, opened_at);
SELECT protect_tenants('batches');
