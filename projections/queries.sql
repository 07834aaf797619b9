-- All SQL of the read models. Each text begins with its name; the comment below it says what it is for.

-- shown_build --
-- Which build of a read model readers see.
SELECT version, build FROM read_models WHERE name = %(name)s;

-- show_build --
-- Make a build the one that readers see.
INSERT INTO read_models (name, version, build) VALUES (%(name)s, %(version)s, %(build)s)
ON CONFLICT (name) DO UPDATE SET version = EXCLUDED.version, build = EXCLUDED.build, shown_at = now();

-- next_build --
-- A number for a new build, above every build that has left a trace.
SELECT 1 + GREATEST(
    (SELECT COALESCE(MAX(build), 0) FROM read_models WHERE name = %(name)s),
    (SELECT COALESCE(MAX(build), 0) FROM read_model_checkpoints WHERE read_model = %(name)s)
);

-- checkpoints --
-- How far a build is, by topic and partition.
SELECT topic, partition, next_offset, position, recorded_at
FROM read_model_checkpoints
WHERE read_model = %(name)s AND build = %(build)s;

-- lock_checkpoints --
-- The same, while nobody may move them until this transaction ends.
SELECT topic, partition, next_offset, position
FROM read_model_checkpoints
WHERE read_model = %(name)s AND build = %(build)s
ORDER BY topic, partition
FOR UPDATE;

-- begin_checkpoint --
-- The checkpoint of a partition that a build has not read yet.
INSERT INTO read_model_checkpoints
    (read_model, build, topic, partition, next_offset, position, recorded_at, caught_up_at)
VALUES (%(name)s, %(build)s, %(topic)s, %(partition)s, 0, 0, 0, 0)
ON CONFLICT DO NOTHING;

-- move_checkpoint --
-- Move a checkpoint forward, if it stands where this process left it.
UPDATE read_model_checkpoints
SET next_offset = %(next_offset)s, position = %(position)s, recorded_at = %(recorded_at)s,
    caught_up_at = GREATEST(caught_up_at, %(caught_up_at)s)
WHERE read_model = %(name)s AND build = %(build)s AND topic = %(topic)s AND partition = %(partition)s
  AND next_offset = %(previous_offset)s;

-- note_caught_up --
-- Note that a build had read everything at this time, though nothing new came.
UPDATE read_model_checkpoints SET caught_up_at = GREATEST(caught_up_at, %(caught_up_at)s)
WHERE read_model = %(name)s AND build = %(build)s;

-- forget_other_builds --
-- Remove the checkpoints of builds that are not shown: what an abandoned rebuild, or the build before, left behind.
DELETE FROM read_model_checkpoints
WHERE read_model = %(name)s
  AND build IS DISTINCT FROM (SELECT build FROM read_models WHERE name = %(name)s);

-- hold_model --
-- Take the read model for as long as this connection lives.
SELECT pg_advisory_lock(hashtext('printledger read model'), hashtext(%(name)s));

-- announce --
-- Tell whoever waits that these read models have moved; heard when the transaction commits.
SELECT pg_notify('printledger_read_models', %(names)s);

-- json_columns --
-- Which columns of these tables hold JSON, as this connection sees the tables.
SELECT tables.name, attname
FROM unnest(%(tables)s::text[]) AS tables (name)
JOIN pg_attribute ON attrelid = to_regclass(quote_ident(tables.name)) AND atttypid = 'jsonb'::regtype
WHERE NOT attisdropped;

-- folded_orders --
-- The folded states of these orders.
SELECT order_id, tenant, state FROM orders WHERE order_id = ANY(%(order_ids)s);

-- open_deadlines_of_orders --
-- What these orders wait for.
SELECT order_id, deadline_key FROM deadlines WHERE order_id = ANY(%(order_ids)s);

-- merge_orders --
INSERT INTO orders SELECT * FROM stage_orders
ON CONFLICT (order_id) DO UPDATE SET
    store = EXCLUDED.store, external_id = EXCLUDED.external_id, order_number = EXCLUDED.order_number,
    status = EXCLUDED.status, currency = EXCLUDED.currency, total_minor = EXCLUDED.total_minor,
    lines = EXCLUDED.lines, parcels = EXCLUDED.parcels, holds = EXCLUDED.holds, exceptions = EXCLUDED.exceptions,
    placed_at = EXCLUDED.placed_at, updated_at = EXCLUDED.updated_at, seq = EXCLUDED.seq, state = EXCLUDED.state;

-- merge_held_lines --
INSERT INTO held_lines SELECT * FROM stage_held_lines
ON CONFLICT (order_id, line_id, reason) DO UPDATE SET store = EXCLUDED.store, sku = EXCLUDED.sku,
    revision = EXCLUDED.revision;

-- remove_held_lines --
DELETE FROM held_lines WHERE order_id = ANY(%(order_id)s);

-- merge_command_outcomes --
-- A refusal on an existing order is told twice, by its fact and by the rejected topic: the fact's numbers stay.
INSERT INTO command_outcomes AS known SELECT * FROM stage_command_outcomes
ON CONFLICT (tenant, command_id) DO UPDATE SET
    first_seq = LEAST(known.first_seq, EXCLUDED.first_seq),
    last_seq = GREATEST(known.last_seq, EXCLUDED.last_seq),
    outcome = CASE WHEN EXCLUDED.first_seq IS NULL THEN known.outcome ELSE EXCLUDED.outcome END,
    command = CASE WHEN EXCLUDED.first_seq IS NULL THEN known.command ELSE EXCLUDED.command END,
    reason = CASE WHEN EXCLUDED.first_seq IS NULL THEN known.reason ELSE EXCLUDED.reason END,
    detail = CASE WHEN EXCLUDED.first_seq IS NULL THEN known.detail ELSE EXCLUDED.detail END,
    decided_at = LEAST(known.decided_at, EXCLUDED.decided_at);

-- merge_deadlines --
INSERT INTO deadlines SELECT * FROM stage_deadlines
ON CONFLICT (order_id, deadline_key) DO UPDATE SET due_at = EXCLUDED.due_at, seq = EXCLUDED.seq;

-- remove_deadlines --
DELETE FROM deadlines USING unnest(%(order_id)s::text[], %(deadline_key)s::text[]) AS gone (order_id, deadline_key)
WHERE deadlines.order_id = gone.order_id AND deadlines.deadline_key = gone.deadline_key;

-- merge_effects --
INSERT INTO effects SELECT * FROM stage_effects
ON CONFLICT (effect_key) DO UPDATE SET attempt = EXCLUDED.attempt;

-- merge_parcel_references --
INSERT INTO parcel_references SELECT * FROM stage_parcel_references
ON CONFLICT (carrier, reference, kind) DO UPDATE SET
    tenant = EXCLUDED.tenant, order_id = EXCLUDED.order_id, parcel_id = EXCLUDED.parcel_id;

-- merge_catalogue_products --
INSERT INTO catalogue_products SELECT * FROM stage_catalogue_products
ON CONFLICT (product_id) DO UPDATE SET
    title = EXCLUDED.title, variants = EXCLUDED.variants, print_areas = EXCLUDED.print_areas,
    source_version = EXCLUDED.source_version;

-- merge_catalogue_variants --
INSERT INTO catalogue_variants SELECT * FROM stage_catalogue_variants
ON CONFLICT (variant_id) DO UPDATE SET product_id = EXCLUDED.product_id;

-- merge_catalogue_templates --
INSERT INTO catalogue_templates SELECT * FROM stage_catalogue_templates
ON CONFLICT (template_id, template_version) DO UPDATE SET
    product_id = EXCLUDED.product_id, body = EXCLUDED.body;

-- merge_catalogue_sku_map --
INSERT INTO catalogue_sku_map SELECT * FROM stage_catalogue_sku_map
ON CONFLICT (tenant, store, sku) DO UPDATE SET
    variant_id = EXCLUDED.variant_id, template_id = EXCLUDED.template_id,
    template_version = EXCLUDED.template_version, designs = EXCLUDED.designs, designer = EXCLUDED.designer,
    attributes = EXCLUDED.attributes, mapped_at = EXCLUDED.mapped_at, source_version = EXCLUDED.source_version;

-- merge_catalogue_partners --
INSERT INTO catalogue_partners SELECT * FROM stage_catalogue_partners
ON CONFLICT (partner_id) DO UPDATE SET
    name = EXCLUDED.name, adapter = EXCLUDED.adapter, country = EXCLUDED.country, latitude = EXCLUDED.latitude,
    longitude = EXCLUDED.longitude, ships_to = EXCLUDED.ships_to, daily_capacity = EXCLUDED.daily_capacity,
    tenants = EXCLUDED.tenants, suspended = EXCLUDED.suspended, transit_days = EXCLUDED.transit_days,
    outages = EXCLUDED.outages,
    shipping_methods = EXCLUDED.shipping_methods, source_version = EXCLUDED.source_version;

-- merge_catalogue_offers --
INSERT INTO catalogue_offers SELECT * FROM stage_catalogue_offers
ON CONFLICT (variant_id, partner_id) DO UPDATE SET
    partner_variant = EXCLUDED.partner_variant, cost_minor = EXCLUDED.cost_minor, currency = EXCLUDED.currency,
    stock = EXCLUDED.stock, production_days = EXCLUDED.production_days, load_percent = EXCLUDED.load_percent,
    print_areas = EXCLUDED.print_areas, withdrawn = EXCLUDED.withdrawn,
    accepted_cost_minor = EXCLUDED.accepted_cost_minor, accepted_currency = EXCLUDED.accepted_currency,
    source_version = EXCLUDED.source_version;

-- merge_catalogue_partner_loads --
INSERT INTO catalogue_partner_loads SELECT * FROM stage_catalogue_partner_loads
ON CONFLICT (partner_id) DO UPDATE SET
    load_percent = EXCLUDED.load_percent, source_version = EXCLUDED.source_version;

-- merge_catalogue_exceptions --
INSERT INTO catalogue_exceptions SELECT * FROM stage_catalogue_exceptions
ON CONFLICT (partner_id, variant_id, kind) DO UPDATE SET
    detail = EXCLUDED.detail, raised_at = EXCLUDED.raised_at, resolved_at = EXCLUDED.resolved_at;

-- exceptions_of_offers --
-- What is known of these offers, which are given as two lists of one length.
SELECT e.partner_id, e.variant_id, e.kind, e.detail, e.raised_at, e.resolved_at
FROM catalogue_exceptions AS e
JOIN unnest(%(partners)s::text[], %(variants)s::text[]) AS asked (partner_id, variant_id)
    USING (partner_id, variant_id);

-- merge_catalogue_routing_rules --
INSERT INTO catalogue_routing_rules SELECT * FROM stage_catalogue_routing_rules
ON CONFLICT (tenant) DO UPDATE SET
    rules_version = EXCLUDED.rules_version, body = EXCLUDED.body, source_version = EXCLUDED.source_version;

-- merge_routing_decisions --
INSERT INTO routing_decisions AS known SELECT * FROM stage_routing_decisions
ON CONFLICT (order_id, line_id, run) DO UPDATE SET
    asked = COALESCE(EXCLUDED.asked, known.asked), candidates = COALESCE(EXCLUDED.candidates, known.candidates),
    partner_id = COALESCE(EXCLUDED.partner_id, known.partner_id),
    decided_at = COALESCE(EXCLUDED.decided_at, known.decided_at);

-- merge_inspection_verdicts --
INSERT INTO inspection_verdicts AS known SELECT * FROM stage_inspection_verdicts
ON CONFLICT (order_id, line_id, run, unit) DO UPDATE SET
    rules_version = COALESCE(EXCLUDED.rules_version, known.rules_version),
    rules_codes = COALESCE(EXCLUDED.rules_codes, known.rules_codes),
    person_codes = COALESCE(EXCLUDED.person_codes, known.person_codes),
    judged_at = COALESCE(EXCLUDED.judged_at, known.judged_at);

-- merge_inspection_comparisons --
INSERT INTO inspection_comparisons SELECT * FROM stage_inspection_comparisons
ON CONFLICT (order_id, line_id, run, place) DO UPDATE SET
    unit = EXCLUDED.unit, area = EXCLUDED.area, partner_id = EXCLUDED.partner_id,
    rules_version = EXCLUDED.rules_version, defects = EXCLUDED.defects, problem = EXCLUDED.problem,
    photo = EXCLUDED.photo, difference = EXCLUDED.difference, compared_at = EXCLUDED.compared_at;

-- folded_batches --
-- The rows of these production batches.
SELECT tenant, batch_id, partner_id, stage, opened_at, moved_at, updated_at, seq, state
FROM batches WHERE batch_id = ANY(%(batch_ids)s);

-- folded_claims --
-- All claims of these orders.
SELECT tenant, order_id, claim_id, kind, reason, wish, stage, why, amount_minor, currency, reference, parcel_id,
       rules_version, decided_by, opened_at, updated_at, items, pictures, faults, note
FROM claims WHERE order_id = ANY(%(order_ids)s);

-- merge_claims --
INSERT INTO claims SELECT * FROM stage_claims
ON CONFLICT (order_id, claim_id) DO UPDATE SET
    stage = EXCLUDED.stage, why = EXCLUDED.why, amount_minor = EXCLUDED.amount_minor, currency = EXCLUDED.currency,
    reference = EXCLUDED.reference, parcel_id = EXCLUDED.parcel_id, rules_version = EXCLUDED.rules_version,
    decided_by = EXCLUDED.decided_by, updated_at = EXCLUDED.updated_at, faults = EXCLUDED.faults;

-- claims --
-- Claims of a tenant, of one order and in one stage where they are given: the oldest first, because they wait longest.
SELECT order_id, claim_id, kind, reason, wish, stage, why, amount_minor, currency, reference, parcel_id,
       rules_version, decided_by, opened_at, updated_at, items, pictures, faults, note
FROM claims
WHERE tenant = %(tenant)s
  AND (%(order_id)s::text IS NULL OR order_id = %(order_id)s)
  AND (%(stage)s::text IS NULL OR stage = %(stage)s)
ORDER BY opened_at, order_id, claim_id
LIMIT %(limit)s;

-- merge_batches --
INSERT INTO batches SELECT * FROM stage_batches
ON CONFLICT (batch_id) DO UPDATE SET
    stage = EXCLUDED.stage, moved_at = EXCLUDED.moved_at, updated_at = EXCLUDED.updated_at, seq = EXCLUDED.seq,
    state = EXCLUDED.state;

-- merge_partner_quality --
-- A batch tells how many more units were looked at: each record is folded once, so sums are right.
INSERT INTO partner_quality AS known SELECT * FROM stage_partner_quality
ON CONFLICT (partner_id, day) DO UPDATE SET
    inspected_units = known.inspected_units + EXCLUDED.inspected_units,
    defective_units = known.defective_units + EXCLUDED.defective_units;

-- scorecard_runs_of --
-- Print runs of these orders that partners took.
SELECT order_id, line_id, run, partner_id, accepted_at, judged, excepted
FROM scorecard_runs WHERE order_id = ANY(%(orders)s);

-- scorecard_parcels_of --
-- Parcels of these orders.
SELECT order_id, parcel_id, carrier, carrier_reference, labelled_at, dispatched_at, heard_at, ended, excepted
FROM scorecard_parcels WHERE order_id = ANY(%(orders)s);

-- merge_scorecard_days --
-- A batch tells how much more was counted: each record is folded once, so sums are right.
INSERT INTO scorecard_days AS known SELECT * FROM stage_scorecard_days
ON CONFLICT (party_kind, party_id, measure, day) DO UPDATE SET
    things = known.things + EXCLUDED.things, total = known.total + EXCLUDED.total,
    squares = known.squares + EXCLUDED.squares, most = GREATEST(known.most, EXCLUDED.most);

-- merge_scorecard_runs --
INSERT INTO scorecard_runs SELECT * FROM stage_scorecard_runs
ON CONFLICT (order_id, line_id, run) DO UPDATE SET judged = EXCLUDED.judged, excepted = EXCLUDED.excepted;

-- merge_scorecard_parcels --
INSERT INTO scorecard_parcels SELECT * FROM stage_scorecard_parcels
ON CONFLICT (order_id, parcel_id) DO UPDATE SET
    carrier = EXCLUDED.carrier, carrier_reference = EXCLUDED.carrier_reference, labelled_at = EXCLUDED.labelled_at,
    dispatched_at = EXCLUDED.dispatched_at, heard_at = EXCLUDED.heard_at, ended = EXCLUDED.ended,
    excepted = EXCLUDED.excepted;

-- merge_alerts --
INSERT INTO alerts SELECT * FROM stage_alerts
ON CONFLICT (measure, party_kind, party_id, number) DO UPDATE SET cleared_at = EXCLUDED.cleared_at;

-- scorecard_days --
-- What was counted of every partner and carrier from one day to another, both included.
SELECT party_kind, party_id, measure, day, things, total, squares, most
FROM scorecard_days WHERE day BETWEEN %(from_day)s AND %(to_day)s
ORDER BY party_kind, party_id, measure, day;

-- outbound_days --
-- How often each vendor was called and answered, from one day to another.
SELECT vendor, day, calls, answered FROM outbound_days WHERE day BETWEEN %(from_day)s AND %(to_day)s
ORDER BY vendor, day;

-- alerts --
-- The newest alerts: those that stand, or all; those that stand first.
SELECT measure, party_kind, party_id, number, raised_at, cleared_at, unit, value, target, at_least, sample, window_days
FROM alerts WHERE cleared_at = 0 OR %(cleared)s
ORDER BY cleared_at > 0, raised_at DESC, measure, party_kind, party_id
LIMIT %(limit)s;

-- newest_alerts --
-- The newest alert about each measure of each party.
SELECT DISTINCT ON (measure, party_kind, party_id)
       measure, party_kind, party_id, number, raised_at, cleared_at, unit, value, target, at_least, sample, window_days
FROM alerts
ORDER BY measure, party_kind, party_id, number DESC;

-- silent_parcels --
-- Labelled parcels that are not at the door and of which nothing was heard since a time, longest first, after one.
SELECT e.tenant, p.order_id, p.parcel_id, e.effect_key, p.carrier, p.carrier_reference, p.labelled_at,
       p.dispatched_at, p.heard_at
FROM scorecard_parcels AS p
JOIN effects AS e ON e.order_id = p.order_id AND e.parcel_id = p.parcel_id AND e.kind = 'label'
WHERE NOT p.ended AND p.labelled_at > 0 AND p.heard_at <= %(heard_before)s
  AND (p.heard_at, p.order_id, p.parcel_id) > (%(after_heard_at)s, %(after_order)s, %(after_parcel)s)
ORDER BY p.heard_at, p.order_id, p.parcel_id
LIMIT %(limit)s;

-- labels_in_doubt --
-- Labels that were asked for and are not known to be bought, by effect key, after one. An order that has ended has one
-- where something was printed or sent again: while its label is waited for, or a person is to look at its failure.
SELECT e.tenant, e.effect_key, e.order_id, e.kind, e.line_id, e.run, e.parcel_id, e.who, e.units, e.attempt
FROM effects AS e
JOIN orders AS o ON o.order_id = e.order_id
WHERE e.kind = 'label' AND e.effect_key > %(after)s
  AND NOT EXISTS (SELECT FROM parcel_references AS r WHERE r.order_id = e.order_id AND r.parcel_id = e.parcel_id)
  AND (o.status NOT IN ('cancelled', 'delivered', 'returned')
    OR EXISTS (
        SELECT FROM deadlines AS d WHERE d.order_id = e.order_id AND d.deadline_key = 'label:' || e.parcel_id
    )
    OR o.exceptions @> jsonb_build_array(jsonb_build_object('exception_id', 'label_failed:' || e.parcel_id)))
ORDER BY e.effect_key
LIMIT %(limit)s;

-- as_of --
-- How far the shown build of a read model is.
SELECT m.version, c.topic, c.partition, c.next_offset, c.position, c.recorded_at, c.caught_up_at
FROM read_models AS m
JOIN read_model_checkpoints AS c ON c.read_model = m.name AND c.build = m.build
WHERE m.name = %(name)s
ORDER BY c.topic, c.partition;

-- name_tenant --
-- Show this transaction the rows of one tenant alone.
SELECT set_config('app.tenant', %(tenant)s, true);

-- list_orders --
-- A page of a tenant's orders, newest first, after a place (placed_at, order_id). An order that was cancelled before
-- it came has a row for its state, and is not listed: it was never placed.
SELECT tenant, order_id, store, external_id, order_number, status, currency, total_minor, lines, parcels, holds,
       exceptions, placed_at, updated_at, seq
FROM orders
WHERE tenant = %(tenant)s
  AND (%(status)s::text IS NULL OR status = %(status)s)
  AND (%(store)s::text IS NULL OR store = %(store)s)
  AND (%(external_id)s::text IS NULL OR external_id = %(external_id)s)
  AND placed_at > 0
  AND (placed_at, order_id) < (%(placed_before)s, %(order_id_before)s)
ORDER BY placed_at DESC, order_id DESC
LIMIT %(limit)s;

-- order --
SELECT tenant, order_id, store, external_id, order_number, status, currency, total_minor, lines, parcels, holds,
       exceptions, placed_at, updated_at, seq
FROM orders
WHERE tenant = %(tenant)s AND order_id = %(order_id)s;

-- order_state --
-- The folded order, from which its intake record and its lineage are read.
SELECT state FROM orders WHERE tenant = %(tenant)s AND order_id = %(order_id)s;

-- timeline --
-- What happened to an order after a fact, oldest first.
SELECT seq, recorded_at, actor, fact_type, title, detail, links, causation_id
FROM timeline
WHERE tenant = %(tenant)s AND order_id = %(order_id)s AND seq > %(after_seq)s
ORDER BY seq
LIMIT %(limit)s;

-- outcome --
SELECT tenant, command_id, stream, key, outcome, command, reason, detail, first_seq, last_seq, decided_at
FROM command_outcomes
WHERE tenant = %(tenant)s AND command_id = %(command_id)s;

-- due_deadlines --
-- What orders of all tenants have waited for until now, longest due first. Left out is what was asked for at or after the
-- time from which on the requests of its kind are still in their queue, unless it was due before `overdue`.
SELECT tenant, order_id, deadline_key, due_at
FROM deadlines
WHERE due_at <= %(now)s
  AND NOT EXISTS (
      SELECT
      FROM unnest(%(kinds)s::text[], %(since)s::bigint[]) AS queued (kind, since)
      WHERE split_part(deadlines.deadline_key, ':', 1) = queued.kind
        AND deadlines.asked_at >= queued.since
        AND deadlines.due_at > %(overdue)s
  )
ORDER BY due_at, order_id, deadline_key
LIMIT %(limit)s;

-- runs_at_partners --
-- Print runs that a partner has taken and has not printed as far as it said, by effect key, after one.
SELECT effects.tenant, effects.effect_key, effects.order_id, effects.kind, effects.line_id, effects.run,
       effects.parcel_id, effects.who, effects.units, effects.attempt
FROM deadlines
JOIN effects ON effects.order_id = deadlines.order_id AND effects.kind = 'submit'
            AND deadlines.deadline_key = 'production:' || effects.line_id || ':' || effects.run
WHERE deadlines.deadline_key LIKE 'production:%%' AND effects.effect_key > %(after)s
ORDER BY effects.effect_key
LIMIT %(limit)s;

-- next_deadline --
-- When the next deadline of any tenant is due.
SELECT MIN(due_at) FROM deadlines;

-- effect --
SELECT tenant, effect_key, order_id, kind, line_id, run, parcel_id, who, units, attempt
FROM effects
WHERE effect_key = %(effect_key)s;

-- effects_of_parcel --
-- The label that was asked for, for the parcel that a carrier knows under its reference or tracking number.
SELECT e.tenant, e.effect_key, e.order_id, e.kind, e.line_id, e.run, e.parcel_id, e.who, e.units, e.attempt
FROM parcel_references AS r
JOIN effects AS e ON e.order_id = r.order_id AND e.parcel_id = r.parcel_id AND e.kind = 'label'
WHERE r.carrier = %(carrier)s
  AND ((r.kind = 'carrier_reference' AND r.reference = %(carrier_reference)s)
       OR (r.kind = 'tracking_number' AND r.reference = %(tracking_number)s))
ORDER BY r.kind
LIMIT 1;

-- held_lines --
-- Lines that a store's SKU holds.
SELECT tenant, order_id, line_id, reason, store, sku, revision
FROM held_lines
WHERE tenant = %(tenant)s AND store = %(store)s AND sku = %(sku)s AND reason = %(reason)s
ORDER BY order_id, line_id
LIMIT %(limit)s;

-- newest_order_of_store --
SELECT order_id
FROM orders
WHERE tenant = %(tenant)s AND store = %(store)s AND placed_at > 0
ORDER BY placed_at DESC, order_id DESC
LIMIT 1;

-- held_and_mapped --
-- Lines of all tenants that are held as unmapped although their SKU is mapped.
SELECT h.tenant, h.order_id, h.line_id, h.sku, h.revision,
       m.variant_id, m.template_id, m.template_version, m.designs, m.designer
FROM held_lines AS h
JOIN catalogue_sku_map AS m ON m.tenant = h.tenant AND m.store = h.store AND m.sku = h.sku
WHERE h.reason = 'sku_unmapped'
ORDER BY h.order_id, h.line_id
LIMIT %(limit)s;

-- sku_mappings --
SELECT tenant, store, sku, variant_id, template_id, template_version, designs, designer
FROM catalogue_sku_map
WHERE tenant = %(tenant)s AND store = %(store)s AND sku = ANY(%(skus)s);

-- ended_orders --
-- Those of these orders that have come to an end and wait for nobody, and when.
SELECT order_id, updated_at
FROM orders
WHERE tenant = %(tenant)s AND order_id = ANY(%(order_ids)s) AND status = ANY(%(ended)s)
  AND jsonb_array_length(exceptions) = 0;

-- designs_in_use --
-- Digests of the shared renders that open orders name.
SELECT DISTINCT (regexp_matches(lines::text, '/designs/rendered/([0-9a-f]{64})/', 'g'))[1]
FROM orders
WHERE tenant = %(tenant)s AND NOT (status = ANY(%(ended)s) AND jsonb_array_length(exceptions) = 0);

-- product_of_variant --
SELECT p.product_id, p.title, p.variants, p.print_areas
FROM catalogue_variants AS v JOIN catalogue_products AS p USING (product_id)
WHERE v.variant_id = %(variant_id)s;

-- template --
SELECT template_id, template_version, product_id, body
FROM catalogue_templates
WHERE template_id = %(template_id)s AND template_version = %(template_version)s;

-- newest_template_version --
SELECT max(template_version)
FROM catalogue_templates
WHERE template_id = %(template_id)s;

-- newest_template --
-- The newest version of the templates of a variant's product.
SELECT t.template_id, t.template_version, t.product_id, t.body
FROM catalogue_variants AS v JOIN catalogue_templates AS t USING (product_id)
WHERE v.variant_id = %(variant_id)s
ORDER BY t.template_version DESC, t.template_id
LIMIT 1;

-- partner --
SELECT partner_id, name, adapter, country, latitude, longitude, ships_to, daily_capacity, suspended, transit_days, outages
FROM catalogue_partners
WHERE partner_id = %(partner_id)s;

-- offers --
-- Partners that a tenant may use and that offer one of these variants, what was found on units that each of them made
-- since a day, and the catalogue's offset: one statement, one snapshot.
SELECT a.catalogue_offset, o.variant_id, o.partner_variant, o.cost_minor, o.currency, o.stock, o.production_days,
       GREATEST(o.load_percent, COALESCE(f.load_percent, 0)), o.print_areas::text, p.partner_id, p.name, p.adapter,
       p.country, p.latitude, p.longitude, p.ships_to::text, p.daily_capacity, p.suspended, p.transit_days::text,
       p.outages::text, COALESCE(q.inspected_units, 0), COALESCE(q.defective_units, 0), p.shipping_methods::text
FROM (SELECT COALESCE(MAX(c.next_offset), 0) - 1 AS catalogue_offset
      FROM read_models AS m
      JOIN read_model_checkpoints AS c ON c.read_model = m.name AND c.build = m.build
      WHERE m.name = 'catalogue') AS a
LEFT JOIN (catalogue_offers AS o JOIN catalogue_partners AS p USING (partner_id))
    ON o.variant_id = ANY(%(variants)s) AND NOT o.withdrawn AND (p.tenants ? '*' OR p.tenants ? %(tenant)s)
LEFT JOIN catalogue_partner_loads AS f ON f.partner_id = p.partner_id
LEFT JOIN (SELECT partner_id, SUM(inspected_units)::integer AS inspected_units,
                  SUM(defective_units)::integer AS defective_units
           FROM partner_quality WHERE day >= %(since_day)s GROUP BY partner_id) AS q ON q.partner_id = p.partner_id
ORDER BY o.variant_id, p.partner_id;

-- routing_decisions --
-- A tenant's routing decisions of a time, order by order.
SELECT order_id, asked, candidates, partner_id, decided_at
FROM routing_decisions
WHERE tenant = %(tenant)s AND decided_at >= %(from_ms)s AND decided_at < %(to_ms)s AND asked IS NOT NULL
ORDER BY order_id, decided_at, line_id, run;

-- inspections --
-- Every photograph of an order's printed units as the rules compared it, with what a person said of the unit.
SELECT c.line_id, c.run, c.unit, c.area, c.partner_id, c.rules_version, c.defects, c.problem, c.photo, c.difference,
       c.compared_at, v.person_codes
FROM inspection_comparisons AS c
LEFT JOIN inspection_verdicts AS v USING (order_id, line_id, run, unit)
WHERE c.tenant = %(tenant)s AND c.order_id = %(order_id)s
ORDER BY c.line_id, c.run, c.place
LIMIT %(limit)s;

-- inspection_agreement --
-- How the rules and people agree on a tenant's units since a time: any defect first (an empty code), then each.
WITH judged AS (
    SELECT rules_codes, person_codes FROM inspection_verdicts
    WHERE tenant = %(tenant)s AND rules_codes IS NOT NULL AND person_codes IS NOT NULL AND judged_at >= %(from_ms)s
), named AS (
    SELECT DISTINCT code FROM judged, unnest(rules_codes || person_codes) AS code
)
SELECT '',
       count(*) FILTER (WHERE rules_codes <> '{}' AND person_codes <> '{}'),
       count(*) FILTER (WHERE rules_codes <> '{}' AND person_codes = '{}'),
       count(*) FILTER (WHERE rules_codes = '{}' AND person_codes <> '{}'),
       count(*) FILTER (WHERE rules_codes = '{}' AND person_codes = '{}')
FROM judged
UNION ALL
SELECT code,
       count(*) FILTER (WHERE code = ANY(rules_codes) AND code = ANY(person_codes)),
       count(*) FILTER (WHERE code = ANY(rules_codes) AND code <> ALL(person_codes)),
       count(*) FILTER (WHERE code <> ALL(rules_codes) AND code = ANY(person_codes)),
       count(*) FILTER (WHERE code <> ALL(rules_codes) AND code <> ALL(person_codes))
FROM named CROSS JOIN judged
GROUP BY code
ORDER BY 1;

-- routing_rules --
-- The rules that a tenant has published; none where it goes by the shipped ones.
SELECT body FROM catalogue_routing_rules WHERE tenant = %(tenant)s;

-- catalogue_exceptions --
-- What is wrong with what a tenant sells: offers of partners that it may use, and SKUs that nobody can make. The second
-- kind is worked out from the catalogue as it stands, so it is mended by whatever mends it.
WITH usable AS (
    SELECT partner_id, suspended FROM catalogue_partners WHERE tenants ? '*' OR tenants ? %(tenant)s
), mapped AS (
    SELECT variant_id, MIN(mapped_at) AS mapped_at,
           jsonb_agg(jsonb_build_object('store', store, 'sku', sku) ORDER BY store, sku) AS skus
    FROM catalogue_sku_map WHERE tenant = %(tenant)s GROUP BY variant_id
), found AS (
    SELECT e.kind, e.partner_id, e.variant_id, e.detail, e.raised_at, e.resolved_at
    FROM catalogue_exceptions AS e JOIN usable USING (partner_id)
    WHERE e.resolved_at = 0 OR %(resolved)s
    UNION ALL
    SELECT 'no_partner', '', m.variant_id,
           CASE WHEN EXISTS (SELECT FROM catalogue_offers AS o JOIN usable USING (partner_id)
                             WHERE o.variant_id = m.variant_id)
                THEN 'Every partner that makes it is out of stock or suspended, or offers it no longer.'
                ELSE 'No partner offers it.' END,
           GREATEST(m.mapped_at, (SELECT MAX(e.raised_at) FROM catalogue_exceptions AS e
                                  WHERE e.variant_id = m.variant_id AND e.resolved_at = 0)), 0
    FROM mapped AS m
    WHERE NOT EXISTS (SELECT FROM catalogue_offers AS o JOIN usable AS u USING (partner_id)
                      WHERE o.variant_id = m.variant_id AND NOT o.withdrawn AND o.stock > 0 AND NOT u.suspended)
)
SELECT f.kind, f.partner_id, f.variant_id, f.detail, f.raised_at, f.resolved_at, COALESCE(m.skus, '[]'::jsonb)
FROM found AS f LEFT JOIN mapped AS m USING (variant_id)
WHERE %(kind)s::text IS NULL OR f.kind = %(kind)s
ORDER BY f.resolved_at > 0, f.kind <> 'no_partner', f.raised_at DESC, f.variant_id, f.partner_id, f.kind
LIMIT %(limit)s;

-- described_products --
SELECT to_jsonb(d) FROM catalogue_products AS d ORDER BY product_id;

-- described_templates --
SELECT to_jsonb(d) || '{"source_version": 1}' FROM catalogue_templates AS d ORDER BY template_id, template_version;

-- described_partners --
SELECT to_jsonb(d) FROM catalogue_partners AS d ORDER BY partner_id;

-- described_loads --
SELECT to_jsonb(d) FROM catalogue_partner_loads AS d ORDER BY partner_id;

-- described_offers --
SELECT to_jsonb(d) FROM catalogue_offers AS d ORDER BY partner_id, variant_id;

-- described_offers_of --
SELECT to_jsonb(d) FROM catalogue_offers AS d WHERE partner_id = %(partner_id)s ORDER BY variant_id;

-- described_load_of --
SELECT to_jsonb(d) FROM catalogue_partner_loads AS d WHERE partner_id = %(partner_id)s;

-- described_skus --
SELECT to_jsonb(d) FROM catalogue_sku_map AS d WHERE tenant = %(tenant)s ORDER BY store, sku;

-- known_variants --
SELECT DISTINCT variant ->> 'variant_id' FROM catalogue_products, jsonb_array_elements(variants) AS variant;

-- known_partners --
SELECT partner_id FROM catalogue_partners;

-- goods_of_order --
-- What each line of an order is, for customs and for the scales; weight 0 where the catalogue does not say.
SELECT line ->> 'line_id', COALESCE(product.title, ''), (line ->> 'unit_price_minor')::bigint, orders.currency,
       COALESCE((
           SELECT (variant ->> 'weight_grams')::integer FROM jsonb_array_elements(product.variants) AS variant
           WHERE variant ->> 'variant_id' = line ->> 'variant_id' LIMIT 1
       ), 0)
FROM orders
CROSS JOIN LATERAL jsonb_array_elements(orders.lines) AS line
LEFT JOIN catalogue_variants AS known ON known.variant_id = line ->> 'variant_id'
LEFT JOIN catalogue_products AS product ON product.product_id = known.product_id
WHERE orders.tenant = %(tenant)s AND orders.order_id = %(order_id)s
ORDER BY 1;
