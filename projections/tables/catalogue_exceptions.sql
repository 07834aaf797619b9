-- tables --
CREATE TABLE catalogue_exceptions (
    partner_id  text   NOT NULL,
    variant_id  text   NOT NULL,
    kind        text   NOT NULL,
    detail      text   NOT NULL,
    raised_at   bigint NOT NULL,
    resolved_at bigint NOT NULL,
    PRIMARY KEY (partner_id, variant_id, kind)
);
COMMENT ON TABLE catalogue_exceptions IS 'Offers that vanished, ran out or cost otherwise; shared, `tenants` of the partner says who is shown it.';
COMMENT ON COLUMN catalogue_exceptions.resolved_at IS 'When it was mended, epoch milliseconds; 0 while it stands.';

-- after loading --
SELECT open_to_readers('catalogue_exceptions');
