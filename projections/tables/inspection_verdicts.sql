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

CREATE TABLE inspection_comparisons (
    tenant        text    NOT NULL,
    order_id      text    NOT NULL,
    line_id       text    NOT NULL,
    run           integer NOT NULL,
    place         integer NOT NULL,
    unit          integer NOT NULL,
    area          text    NOT NULL,
    partner_id    text    NOT NULL,
    rules_version text    NOT NULL,
    defects       text    NOT NULL,
    problem       text    NOT NULL,
    photo         text    NOT NULL,
    difference    text    NOT NULL,
    compared_at   bigint  NOT NULL
);
COMMENT ON TABLE inspection_comparisons IS 'One row a photograph of a printed unit: what the rules say of it at last.';
COMMENT ON COLUMN inspection_comparisons.place IS 'Number of the photograph among those of its print run, from 0.';
COMMENT ON COLUMN inspection_comparisons.defects IS 'JSON: what is wrong, each with what was measured and its threshold.';
COMMENT ON COLUMN inspection_comparisons.photo IS 'JSON: key and media type of the photograph, or null.';
COMMENT ON COLUMN inspection_comparisons.difference IS 'JSON: the same of the picture of the difference.';
COMMENT ON COLUMN inspection_comparisons.compared_at IS 'When the fact was recorded, epoch milliseconds.';

-- before loading --
ALTER TABLE inspection_verdicts ADD PRIMARY KEY (order_id, line_id, run, unit);
ALTER TABLE inspection_comparisons ADD PRIMARY KEY (order_id, line_id, run, place);

-- after loading --
CREATE INDEX ON inspection_verdicts (tenant, judged_at) WHERE person_codes IS NOT NULL AND rules_codes IS NOT NULL;
SELECT protect_tenants('inspection_verdicts');
SELECT protect_tenants('inspection_comparisons');
