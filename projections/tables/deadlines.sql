-- tables --
CREATE TABLE deadlines (
    tenant       text    NOT NULL,
    order_id     text    NOT NULL,
    deadline_key text    NOT NULL,
    due_at       bigint  NOT NULL,
    seq          integer NOT NULL,
    asked_at     bigint  NOT NULL
);
COMMENT ON TABLE deadlines IS 'What orders wait for; a row goes only when the fact that answers it is folded.';
COMMENT ON COLUMN deadlines.seq IS 'The fact that set it.';
COMMENT ON COLUMN deadlines.asked_at IS 'When work was asked for, epoch milliseconds; 0 where only time has to pass.';

-- before loading --
ALTER TABLE deadlines ADD PRIMARY KEY (order_id, deadline_key);

-- after loading --
CREATE INDEX ON deadlines (due_at, order_id);
SELECT protect_tenants('deadlines');
