-- How often each vendor was called a day, and how often it answered: its uptime as we met it.

CREATE TABLE outbound_days (
    vendor   text    NOT NULL,
    day      integer NOT NULL,
    calls    bigint  NOT NULL,
    answered bigint  NOT NULL,
    PRIMARY KEY (vendor, day)
);
COMMENT ON TABLE outbound_days IS
    'Tries to call a print partner or carrier, a day; an answer below 500 counts, whatever it says. No read model: calls are in no topic.';
COMMENT ON COLUMN outbound_days.day IS 'Days since 1970-01-01, UTC.';

SELECT open_to_readers('outbound_days');
