-- tables --
CREATE TABLE orders (
    tenant       text    NOT NULL,
    order_id     text    NOT NULL,
    store        text    NOT NULL,
    external_id  text    NOT NULL,
    order_number text    NOT NULL,
    status       text    NOT NULL,
    currency     text    NOT NULL,
    total_minor  bigint  NOT NULL,
    lines        jsonb   NOT NULL,
    parcels      jsonb   NOT NULL,
    holds        jsonb   NOT NULL,
    exceptions   jsonb   NOT NULL,
    placed_at    bigint  NOT NULL,
    updated_at   bigint  NOT NULL,
    seq          integer NOT NULL,
    state        bytea   NOT NULL
) WITH (fillfactor = 70);
COMMENT ON TABLE orders IS 'One row an order: where it is, as `status_of` derives it from its facts.';
COMMENT ON COLUMN orders.placed_at IS 'When the store took the order (epoch milliseconds).';
COMMENT ON COLUMN orders.state IS 'The folded order (msgpack), from which the next facts are folded.';
-- The state is msgpack and is read back within seconds: compressing it costs more than the space it saves.
ALTER TABLE orders ALTER COLUMN state SET STORAGE EXTERNAL;

CREATE TABLE held_lines (
    tenant   text NOT NULL,
    order_id text NOT NULL,
    line_id  text NOT NULL,
    reason   text NOT NULL,
    store    text NOT NULL,
    sku      text NOT NULL,
    revision integer NOT NULL
);
COMMENT ON TABLE held_lines IS 'Lines that hold their order, by store and SKU: what a new mapping releases.';
COMMENT ON COLUMN held_lines.revision IS 'Counts what was ordered on the line: the same SKU may hold it again.';

-- before loading --
ALTER TABLE orders ADD PRIMARY KEY (order_id);
ALTER TABLE held_lines ADD PRIMARY KEY (order_id, line_id, reason);

-- after loading --
CREATE INDEX ON orders (tenant, placed_at, order_id);
CREATE INDEX ON orders (tenant, status, placed_at, order_id);
CREATE INDEX ON orders (tenant, store, external_id);
CREATE INDEX ON held_lines (tenant, store, sku);
SELECT protect_tenants('orders'), protect_tenants('held_lines');
