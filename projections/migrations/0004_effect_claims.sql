-- What outside systems call the objects that we made there, for effects that they cannot make idempotent.

CREATE TABLE effect_claims (
    system     text        NOT NULL,
    effect_key text        NOT NULL,
    reference  text        NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (system, effect_key)
);
COMMENT ON TABLE effect_claims IS
    'The first claim of an effect key wins, for good: money is spent on the claimed object only. Never rebuilt.';
