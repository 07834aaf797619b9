-- tables --
CREATE TABLE partner_quality (
    partner_id      text    NOT NULL,
    day             integer NOT NULL,
    inspected_units bigint  NOT NULL,
    defective_units bigint  NOT NULL
);
COMMENT ON TABLE partner_quality IS 'What inspections found on the units of each partner, a day; over all tenants.';
COMMENT ON COLUMN partner_quality.day IS 'Days since 1970-01-01, UTC, of the inspection.';

-- before loading --
ALTER TABLE partner_quality ADD PRIMARY KEY (partner_id, day);

-- after loading --
SELECT open_to_readers('partner_quality');
