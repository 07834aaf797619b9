-- Read models: which build of each is shown, how far each build is, and how their tables are protected.
--
-- The tables of a read model are not made here: `projections/tables/NAME.sql` makes them, because a rebuild makes
-- them a second time, beside the first, in a schema of its own.

CREATE TABLE read_models (
    name     text        PRIMARY KEY,
    version  integer     NOT NULL,
    build    integer     NOT NULL,
    shown_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE read_models IS 'The build of each read model that readers see; its tables stand in the public schema.';
COMMENT ON COLUMN read_models.version IS 'Version of the tables and of the folding code that filled them.';

CREATE TABLE read_model_checkpoints (
    read_model   text    NOT NULL,
    build        integer NOT NULL,
    topic        text    NOT NULL,
    partition    integer NOT NULL,
    next_offset  bigint  NOT NULL,
    position     bigint  NOT NULL,
    recorded_at  bigint  NOT NULL,
    caught_up_at bigint  NOT NULL,
    PRIMARY KEY (read_model, build, topic, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE read_model_checkpoints IS 'How far each build has folded each partition; written with its rows.';
COMMENT ON COLUMN read_model_checkpoints.position IS 'Ledger position of the last folded fact; 0 where none was.';
COMMENT ON COLUMN read_model_checkpoints.recorded_at IS 'When the last folded fact was recorded (epoch milliseconds).';
COMMENT ON COLUMN read_model_checkpoints.caught_up_at IS
    'When this build was last seen to have folded all that the partition held (epoch milliseconds).';

CREATE FUNCTION open_to_readers(target regclass) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'printledger_app') THEN
        EXECUTE format('GRANT SELECT ON %s TO printledger_app', target);
    END IF;
END
$$;
COMMENT ON FUNCTION open_to_readers IS 'Lets the role of the API read a table; it writes none of them.';

CREATE FUNCTION protect_tenants(target regclass) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY own_tenant ON %s USING (tenant = NULLIF(current_setting(''app.tenant'', true), ''''))'
        ' WITH CHECK (tenant = NULLIF(current_setting(''app.tenant'', true), ''''))',
        target
    );
    PERFORM open_to_readers(target);
END
$$;
COMMENT ON FUNCTION protect_tenants IS
    'Row-level security by tenant, for a table''s owner too; a projection''s role has BYPASSRLS to fold all tenants.';

SELECT open_to_readers('read_models'), open_to_readers('read_model_checkpoints');
