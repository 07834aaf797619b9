-- tables --
CREATE TABLE inspection_verdicts (
    tenant        text    NOT NULL,
    order_id      text    NOT NULL,
    line_id       text    NOT NULL,
    run           integer NOT NULL,
    unit          integer NOT NULL,
    partner_id    text,
    rules_version text,
    rules_codes   text[],
    person_codes  text[],
    judged_at     bigint
);
COMMENT ON TABLE inspection_verdicts IS 'What the automatic rules and what a person said of each inspected unit.';
COMMENT ON COLUMN inspection_verdicts.rules_codes IS 'Defects that the rules name; empty: it passes; null: no photograph.';
COMMENT ON COLUMN inspection_verdicts.person_codes IS 'Defects that a person names; empty: it passes; null: no person.';
COMMENT ON COLUMN inspection_verdicts.judged_at IS 'When the person said so, epoch milliseconds.';

-- before loading --
ALTER TABLE inspection_verdicts ADD PRIMARY KEY (order_id, line_id, run, unit);

-- after loading --
CREATE INDEX ON inspection_verdicts (tenant, judged_at) WHERE person_codes IS NOT NULL AND rules_codes IS NOT NULL;
SELECT protect_tenants('inspection_verdicts');
