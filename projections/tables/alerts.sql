-- tables --
CREATE TABLE alerts (
    measure     text    NOT NULL,
    party_kind  text    NOT NULL,
    party_id    text    NOT NULL,
    number      integer NOT NULL,
    raised_at   bigint  NOT NULL,
    cleared_at  bigint  NOT NULL,
    unit        text    NOT NULL,
    value       bigint  NOT NULL,
    target      bigint  NOT NULL,
    at_least    boolean NOT NULL,
    sample      bigint  NOT NULL,
    window_days integer NOT NULL
);
COMMENT ON TABLE alerts IS 'Targets that were missed, from when until when; what was measured is of when it was raised.';
COMMENT ON COLUMN alerts.cleared_at IS 'Epoch milliseconds; 0 while it stands.';

-- before loading --
ALTER TABLE alerts ADD PRIMARY KEY (measure, party_kind, party_id, number);

-- after loading --
CREATE INDEX ON alerts (cleared_at, raised_at);
SELECT open_to_readers('alerts');
