-- Keys of personal data, API keys, store connections: the tables of the vault and of the API.
--
-- Row-level security is ENABLE + FORCE on each table with a tenant. `app.tenant` names the tenant of the
-- transaction. Two tables are read before the tenant is known; they open one row by what the caller
-- presents (`app.api_key_prefix`, `app.store`), so that no role needs to see them whole.

CREATE TABLE order_keys (
    tenant       text        NOT NULL,
    order_id     text        NOT NULL,
    key_id       uuid        NOT NULL UNIQUE,
    kek_id       text        NOT NULL,
    wrapped_key  bytea,
    person_index text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    PRIMARY KEY (tenant, order_id),
    CONSTRAINT a_destroyed_key_is_empty CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL))
);
COMMENT ON TABLE order_keys IS 'One data key an order, wrapped by the key-encryption key, which is not here.';
CREATE INDEX order_keys_person ON order_keys (tenant, person_index, created_at) WHERE person_index IS NOT NULL;
ALTER TABLE order_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE order_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY order_keys_tenant ON order_keys
    USING (tenant = NULLIF(current_setting('app.tenant', true), ''))
    WITH CHECK (tenant = NULLIF(current_setting('app.tenant', true), ''));

CREATE TABLE erased_orders (
    tenant    text        NOT NULL,
    order_id  text        NOT NULL,
    erased_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, order_id)
);
COMMENT ON TABLE erased_orders IS 'Outlives the keys and their backups: a replay of raw input asks it first.';
ALTER TABLE erased_orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE erased_orders FORCE ROW LEVEL SECURITY;
CREATE POLICY erased_orders_tenant ON erased_orders
    USING (tenant = NULLIF(current_setting('app.tenant', true), ''))
    WITH CHECK (tenant = NULLIF(current_setting('app.tenant', true), ''));

CREATE TABLE daily_keys (
    purpose      text        NOT NULL,
    day          date        NOT NULL,
    key_id       uuid        NOT NULL UNIQUE,
    kek_id       text        NOT NULL,
    wrapped_key  bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    PRIMARY KEY (purpose, day),
    CONSTRAINT a_destroyed_daily_key_is_empty CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL))
);
COMMENT ON TABLE daily_keys IS 'One key a day and purpose for raw input; it ends with the records of that day.';

CREATE TABLE api_keys (
    prefix     text        PRIMARY KEY,
    tenant     text        NOT NULL,
    name       text        NOT NULL,
    key_hmac   bytea       NOT NULL,
    scopes     text[]      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
COMMENT ON TABLE api_keys IS 'API keys as HMAC-SHA256 with a pepper; the key itself is shown once and kept nowhere.';
CREATE INDEX api_keys_tenant ON api_keys (tenant);
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY api_keys_tenant ON api_keys
    USING (tenant = NULLIF(current_setting('app.tenant', true), ''))
    WITH CHECK (tenant = NULLIF(current_setting('app.tenant', true), ''));
CREATE POLICY api_keys_presented ON api_keys FOR SELECT
    USING (prefix = NULLIF(current_setting('app.api_key_prefix', true), ''));

CREATE TABLE store_connections (
    store         text        PRIMARY KEY,
    tenant        text        NOT NULL,
    platform      text        NOT NULL,
    sealed_secret bytea,
    options       jsonb       NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE store_connections IS 'One row a store: its platform, webhook secret (wrapped) and reading options.';
CREATE INDEX store_connections_tenant ON store_connections (tenant);
ALTER TABLE store_connections ENABLE ROW LEVEL SECURITY;
ALTER TABLE store_connections FORCE ROW LEVEL SECURITY;
CREATE POLICY store_connections_tenant ON store_connections
    USING (tenant = NULLIF(current_setting('app.tenant', true), ''))
    WITH CHECK (tenant = NULLIF(current_setting('app.tenant', true), ''));
CREATE POLICY store_connections_addressed ON store_connections FOR SELECT
    USING (store = NULLIF(current_setting('app.store', true), ''));

CREATE TABLE idempotency_keys (
    tenant          text        NOT NULL,
    idempotency_key text        NOT NULL,
    request_digest  text        NOT NULL,
    status_code     integer,
    response        jsonb,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, idempotency_key),
    CONSTRAINT an_answer_is_whole CHECK ((status_code IS NULL) = (response IS NULL))
);
COMMENT ON TABLE idempotency_keys IS 'First answer per Idempotency-Key, so that a repeated request gets the same one.';
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY idempotency_keys_tenant ON idempotency_keys
    USING (tenant = NULLIF(current_setting('app.tenant', true), ''))
    WITH CHECK (tenant = NULLIF(current_setting('app.tenant', true), ''));

CREATE TABLE parked_records (
    topic            text        NOT NULL,
    kafka_partition  integer     NOT NULL,
    kafka_offset     bigint      NOT NULL,
    record_key       bytea,
    record_value     bytea,
    record_headers   jsonb       NOT NULL,
    record_timestamp bigint      NOT NULL,
    reason           text        NOT NULL,
    parked_at        bigint      NOT NULL,
    next_try_at      bigint      NOT NULL,
    PRIMARY KEY (topic, kafka_partition, kafka_offset)
);
COMMENT ON TABLE parked_records IS 'Reports that came before what they are about was known; values are sealed as on the topic. Times in epoch milliseconds.';
CREATE INDEX parked_records_due ON parked_records (next_try_at);
