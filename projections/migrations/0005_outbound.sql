-- Calls to vendors: the gate that all processes share, and what was sent and answered.

CREATE TABLE outbound_gates (
    vendor     text        PRIMARY KEY,
    state      jsonb       NOT NULL DEFAULT '{}',
    -- When the circuit ends its rest; NULL while it is closed.
    rests_until timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE outbound_gates IS
    'One row a vendor: the turns that its rate limit counts, and its circuit breaker. Losing it costs nothing.';

CREATE TABLE outbound_exchanges (
    number      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vendor      text        NOT NULL,
    effect_key  text        NOT NULL,
    method      text        NOT NULL,
    path        text        NOT NULL,
    -- NULL where no answer came.
    status      integer,
    duration_ms integer     NOT NULL,
    bodies      bytea       NOT NULL,
    kept_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON outbound_exchanges (effect_key, number);
CREATE INDEX ON outbound_exchanges (kept_at);
COMMENT ON TABLE outbound_exchanges IS
    'What was sent to print partners and answered, one row a try, without credentials and links that open files.';
COMMENT ON COLUMN outbound_exchanges.bodies IS 'Both bodies, sealed under the day''s key, which ends with the row.';
