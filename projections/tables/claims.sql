-- tables --
CREATE TABLE claims (
    tenant        text   NOT NULL,
    order_id      text   NOT NULL,
    claim_id      text   NOT NULL,
    kind          text   NOT NULL,
    reason        text   NOT NULL,
    wish          text   NOT NULL,
    stage         text   NOT NULL,
    why           text   NOT NULL,
    amount_minor  bigint NOT NULL,
    currency      text   NOT NULL,
    reference     text   NOT NULL,
    parcel_id     text   NOT NULL,
    rules_version text   NOT NULL,
    decided_by    text   NOT NULL,
    opened_at     bigint NOT NULL,
    updated_at    bigint NOT NULL,
    items         text   NOT NULL,
    pictures      text   NOT NULL,
    faults        text   NOT NULL,
    note          bytea
);
COMMENT ON TABLE claims IS 'One row a return or complaint of an order.';
COMMENT ON COLUMN claims.stage IS 'reviewing, referred, refunding, refunded, reprinted, reshipped, kept or refused.';
COMMENT ON COLUMN claims.items IS 'JSON: the units that it is about, by print run and parcel.';
COMMENT ON COLUMN claims.faults IS 'JSON: what partners answer for, in their words and within their time.';
COMMENT ON COLUMN claims.note IS 'What the buyer wrote, sealed under the order''s key.';

-- before loading --
ALTER TABLE claims ADD PRIMARY KEY (order_id, claim_id);

-- after loading --
CREATE INDEX ON claims (tenant, stage, opened_at);
SELECT protect_tenants('claims');
