-- tables --
CREATE TABLE routing_decisions (
    tenant     text    NOT NULL,
    order_id   text    NOT NULL,
    line_id    text    NOT NULL,
    run        integer NOT NULL,
    asked      bytea,
    candidates bytea,
    partner_id text,
    decided_at bigint
);
COMMENT ON TABLE routing_decisions IS 'Each routing decision with what it was asked and what was known of every partner.';
COMMENT ON COLUMN routing_decisions.asked IS 'The newest RoutingRequested of the print run, as msgpack.';
COMMENT ON COLUMN routing_decisions.candidates IS 'The candidates of its LineRouted or RoutingFailed, as msgpack.';
COMMENT ON COLUMN routing_decisions.partner_id IS 'Empty where nobody could make it; null while nothing is decided.';

-- before loading --
ALTER TABLE routing_decisions ADD PRIMARY KEY (order_id, line_id, run);

-- after loading --
CREATE INDEX ON routing_decisions (tenant, decided_at);
SELECT protect_tenants('routing_decisions');
