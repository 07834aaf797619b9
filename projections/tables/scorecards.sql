-- tables --
CREATE TABLE scorecard_days (
    party_kind  text    NOT NULL,
    party_id    text    NOT NULL,
    measure     text    NOT NULL,
    day         integer NOT NULL,
    things      bigint  NOT NULL,
    total       bigint  NOT NULL,
    squares     numeric NOT NULL,
    most        bigint  NOT NULL
);
COMMENT ON TABLE scorecard_days IS 'What was counted of each print partner and carrier, a measure and day; over all tenants.';
COMMENT ON COLUMN scorecard_days.day IS 'Days since 1970-01-01, UTC.';
COMMENT ON COLUMN scorecard_days.things IS 'How many were judged or measured.';
COMMENT ON COLUMN scorecard_days.total IS 'How many of them were so, or the sum of what was measured.';
COMMENT ON COLUMN scorecard_days.squares IS 'The sum of the squares of what was measured, for its variance.';
COMMENT ON COLUMN scorecard_days.most IS 'The largest that was measured.';

CREATE TABLE scorecard_runs (
    order_id    text    NOT NULL,
    line_id     text    NOT NULL,
    run         integer NOT NULL,
    partner_id  text    NOT NULL,
    accepted_at bigint  NOT NULL,
    judged      boolean NOT NULL,
    excepted    boolean NOT NULL
);
COMMENT ON TABLE scorecard_runs IS 'Print runs that partners took: what later facts about them are measured from.';
COMMENT ON COLUMN scorecard_runs.judged IS 'Whether it is known if its production started on time.';
COMMENT ON COLUMN scorecard_runs.excepted IS 'Whether a person had to look at it.';

CREATE TABLE scorecard_parcels (
    order_id          text    NOT NULL,
    parcel_id         text    NOT NULL,
    carrier           text    NOT NULL,
    carrier_reference text    NOT NULL,
    labelled_at       bigint  NOT NULL,
    dispatched_at     bigint  NOT NULL,
    heard_at          bigint  NOT NULL,
    ended             boolean NOT NULL,
    excepted          boolean NOT NULL
);
COMMENT ON TABLE scorecard_parcels IS 'Parcels with a label: since when each is under way, and when its carrier was last heard of it.';
COMMENT ON COLUMN scorecard_parcels.ended IS 'Delivered or returned: nobody waits for its carrier.';

-- before loading --
ALTER TABLE scorecard_days ADD PRIMARY KEY (party_kind, party_id, measure, day);
ALTER TABLE scorecard_runs ADD PRIMARY KEY (order_id, line_id, run);
ALTER TABLE scorecard_parcels ADD PRIMARY KEY (order_id, parcel_id);

-- after loading --
CREATE INDEX ON scorecard_days (day);
CREATE INDEX ON scorecard_parcels (heard_at, order_id) WHERE NOT ended;
SELECT open_to_readers('scorecard_days');
