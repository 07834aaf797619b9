-- tables --
CREATE TABLE catalogue_products (
    product_id     text   PRIMARY KEY,
    title          text   NOT NULL,
    variants       jsonb  NOT NULL,
    print_areas    jsonb  NOT NULL,
    source_version bigint NOT NULL
);
COMMENT ON TABLE catalogue_products IS 'Products with their variants and print areas; shared by all tenants.';

CREATE TABLE catalogue_variants (
    variant_id text PRIMARY KEY,
    product_id text NOT NULL
);
COMMENT ON TABLE catalogue_variants IS 'Which product a variant belongs to; shared by all tenants.';

CREATE TABLE catalogue_templates (
    template_id      text    NOT NULL,
    template_version integer NOT NULL,
    product_id       text    NOT NULL,
    body             text    NOT NULL,
    PRIMARY KEY (template_id, template_version)
);
COMMENT ON TABLE catalogue_templates IS 'Every published version of every template; shared by all tenants.';

CREATE TABLE catalogue_sku_map (
    tenant           text    NOT NULL,
    store            text    NOT NULL,
    sku              text    NOT NULL,
    variant_id       text    NOT NULL,
    template_id      text    NOT NULL,
    template_version integer NOT NULL,
    designs          jsonb   NOT NULL,
    designer         text    NOT NULL,
    attributes       jsonb   NOT NULL,
    mapped_at        bigint  NOT NULL,
    source_version   bigint  NOT NULL,
    PRIMARY KEY (tenant, store, sku)
);
COMMENT ON TABLE catalogue_sku_map IS 'What a store''s SKU means: the variant and the template version.';

CREATE TABLE catalogue_partners (
    partner_id     text             PRIMARY KEY,
    name           text             NOT NULL,
    adapter        text             NOT NULL,
    country        text             NOT NULL,
    latitude       double precision NOT NULL,
    longitude      double precision NOT NULL,
    ships_to       jsonb            NOT NULL,
    daily_capacity integer          NOT NULL,
    tenants        jsonb            NOT NULL,
    suspended      boolean          NOT NULL,
    transit_days   jsonb            NOT NULL,
    outages        jsonb            NOT NULL,
    shipping_methods jsonb          NOT NULL,
    source_version bigint           NOT NULL
);
COMMENT ON TABLE catalogue_partners IS 'Print partners; shared, `tenants` says who may use each.';

CREATE TABLE catalogue_offers (
    partner_id          text    NOT NULL,
    variant_id          text    NOT NULL,
    partner_variant     text    NOT NULL,
    cost_minor          bigint  NOT NULL,
    currency            text    NOT NULL,
    stock               integer NOT NULL,
    production_days     integer NOT NULL,
    load_percent        integer NOT NULL,
    print_areas         jsonb   NOT NULL,
    withdrawn           boolean NOT NULL,
    accepted_cost_minor bigint  NOT NULL,
    accepted_currency   text    NOT NULL,
    source_version      bigint  NOT NULL,
    PRIMARY KEY (variant_id, partner_id)
);
COMMENT ON TABLE catalogue_offers IS 'What each partner asks for a variant, with its stock and load.';

CREATE TABLE catalogue_routing_rules (
    tenant         text   PRIMARY KEY,
    rules_version  text   NOT NULL,
    body           text   NOT NULL,
    source_version bigint NOT NULL
);
COMMENT ON TABLE catalogue_routing_rules IS 'The rules by which a tenant''s lines are routed, where it has its own.';

CREATE TABLE catalogue_partner_loads (
    partner_id     text    PRIMARY KEY,
    load_percent   integer NOT NULL,
    source_version bigint  NOT NULL
);
COMMENT ON TABLE catalogue_partner_loads IS 'How full each partner says that it is, whatever it prints.';

-- after loading --
SELECT protect_tenants('catalogue_sku_map'), protect_tenants('catalogue_routing_rules');
SELECT open_to_readers('catalogue_products'), open_to_readers('catalogue_variants'),
       open_to_readers('catalogue_templates'), open_to_readers('catalogue_partners'),
       open_to_readers('catalogue_offers'), open_to_readers('catalogue_partner_loads');
