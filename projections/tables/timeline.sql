-- tables --
CREATE TABLE timeline (
    tenant       text    NOT NULL,
    order_id     text    NOT NULL,
    seq          integer NOT NULL,
    recorded_at  bigint  NOT NULL,
    actor        text    NOT NULL,
    fact_type    text    NOT NULL,
    title        text    NOT NULL,
    detail       text    NOT NULL,
    links        jsonb   NOT NULL,
    causation_id text    NOT NULL
);
COMMENT ON TABLE timeline IS 'Everything that happened to an order: one row a fact.';
COMMENT ON COLUMN timeline.links IS 'Files of the fact: a list of {label, key, version_id, media_type}.';

-- after loading --
ALTER TABLE timeline ADD PRIMARY KEY (order_id, seq);
SELECT protect_tenants('timeline');
