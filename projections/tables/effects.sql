-- tables --
CREATE TABLE effects (
    tenant     text    NOT NULL,
    effect_key text    NOT NULL,
    order_id   text    NOT NULL,
    kind       text    NOT NULL,
    line_id    text    NOT NULL,
    run        integer NOT NULL,
    parcel_id  text    NOT NULL,
    who        text    NOT NULL,
    units      integer[] NOT NULL,
    attempt    integer NOT NULL
);
COMMENT ON TABLE effects IS 'What each effect key stands for, so that a report from outside finds its order.';
COMMENT ON COLUMN effects.kind IS 'artwork, render, route, submit, cancel, inspect, label or notify.';
COMMENT ON COLUMN effects.who IS 'The partner that prints, or from which the parcel starts; empty for other work.';
COMMENT ON COLUMN effects.attempt IS 'The newest attempt that was asked for.';

CREATE TABLE parcel_references (
    tenant    text NOT NULL,
    carrier   text NOT NULL,
    reference text NOT NULL,
    kind      text NOT NULL,
    order_id  text NOT NULL,
    parcel_id text NOT NULL
);
COMMENT ON TABLE parcel_references IS 'Tracking numbers and the carrier''s own references, to the parcel they mean.';

-- before loading --
ALTER TABLE effects ADD PRIMARY KEY (effect_key);
ALTER TABLE parcel_references ADD PRIMARY KEY (carrier, reference, kind);

-- after loading --
CREATE INDEX ON effects (order_id);
SELECT protect_tenants('effects'), protect_tenants('parcel_references');
