-- tables --
CREATE TABLE command_outcomes (
    tenant     text    NOT NULL,
    command_id text    NOT NULL,
    stream     text    NOT NULL,
    key        text    NOT NULL,
    outcome    text    NOT NULL,
    command    text    NOT NULL,
    reason     text    NOT NULL,
    detail     text    NOT NULL,
    first_seq  integer,
    last_seq   integer,
    decided_at bigint  NOT NULL
);
COMMENT ON TABLE command_outcomes IS 'What became of a command: accepted, refused or ignored.';
COMMENT ON COLUMN command_outcomes.key IS 'The stream''s key: an order id, or a key of the catalogue.';
COMMENT ON COLUMN command_outcomes.first_seq IS
    'First fact that the command made true; null where only the rejected topic tells of it.';

-- before loading --
ALTER TABLE command_outcomes ADD PRIMARY KEY (tenant, command_id);

-- after loading --
SELECT protect_tenants('command_outcomes');
