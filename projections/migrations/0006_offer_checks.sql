-- When each print partner is to be asked for its offers next.

CREATE TABLE offer_checks (
    partner_id text        PRIMARY KEY,
    due_at     timestamptz NOT NULL,
    -- NULL until it was asked for the first time.
    claimed_at timestamptz
);
COMMENT ON TABLE offer_checks IS
    'One row a partner: a webhook about stock or prices makes it due at once. Losing it costs one round of questions.';
