"""How long a routing decision takes, and how many old ones are tried again a second.

A decision is the whole of what the worker does for one request: the tenant's rules and the offers of 50 partners for a
catalogue of 10,000 variants read from PostgreSQL, every partner judged, the proposal written in words. The simulation
streams decisions from the read model and decides them by other rules, once with five candidates each, as a tenant with
a few presses has, and once with fifty.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from psycopg import Connection, sql

from events.catalogue.facts import PartnerOfferChanged, PartnerRegistered, PrintAreaSize
from events.envelope import FactEnvelope
from events.order.facts import RoutingRequested
from events.order.values import OtherLine
from infra import postgres
from infra.benchmarks.stack import machine, stack
from infra.outbound_tables import PostgresCircuits
from infra.settings import Settings
from processors.ports import NamedError
from processors.routing.candidates import candidate_of, wanted_by
from processors.routing.judge import Judge
from processors.routing.places import COUNTRIES
from processors.routing.replay import by_order, simulate
from processors.routing.rulebook import Rulebook
from processors.routing.rules import DAY_MS, shipped_rules
from processors.workers.route import Route
from projections import catalogue, routing_decisions
from projections.model import Row, Table, Topics
from projections.models import read_models
from projections.rows import Offer
from projections.schema import create_missing
from projections.system_reader import SystemReads

TENANT = "demo"
PARTNERS, VARIANTS = 50, 10_000
DECISIONS, WARM_UP = 3_000, 200
#: Of a hundred orders so many have a second line without a partner, and so many a third one.
TWO_LINES_PERCENT, THREE_LINES_PERCENT = 30, 10
SIMULATED, CANDIDATES_USUAL, SIMULATED_WIDE = 100_000, 5, 5_000
BEGAN_AT = 1_790_000_000_000


class NobodyRouted(NamedError):
    """The benchmark's decisions had no outcome: its catalogue is not what routing reads."""


def run(decisions: int = DECISIONS, simulated: int = SIMULATED, seed: int = 1) -> dict[str, Any]:
    """Measure; returns `p99_ms` of a decision and `simulated_decisions_per_second`."""
    conditions = machine()
    chooser = random.Random(seed)  # noqa: S311 - the same catalogue each time, not a secret
    with stack(("postgres",)) as settings, postgres.pool(settings.database_url, settings, name="bench") as pool:
        _fill_catalogue(settings, chooser)
        reads = SystemReads(pool)
        route = Route(reads, Rulebook(reads), PostgresCircuits(pool))
        took, cpu = asyncio.run(_decide(route, chooser, decisions))
        usual = _simulated(settings, reads, chooser, simulated, CANDIDATES_USUAL)
        wide = _simulated(settings, reads, chooser, min(simulated, SIMULATED_WIDE), PARTNERS)
    return {
        "p50_ms": _percentile(took, 0.50),
        "p99_ms": _percentile(took, 0.99),
        "max_ms": _percentile(took, 1.0),
        "cpu_p50_ms": _percentile(cpu, 0.50),
        "cpu_p99_ms": _percentile(cpu, 0.99),
        "decisions": len(took),
        "simulated_decisions_per_second": usual["per_second"],
        "simulated_decisions_per_second_50_candidates": wide["per_second"],
        "simulated": usual,
        "simulated_50_candidates": wide,
        "conditions": conditions
        | {
            "partners": PARTNERS,
            "variants": VARIANTS,
            "offers": PARTNERS * VARIANTS,
            "two_lines_percent": TWO_LINES_PERCENT,
            "three_lines_percent": THREE_LINES_PERCENT,
            "seed": seed,
            "load_after": machine()["load_before"],
            "stack": "PostgreSQL and this process, one decision at a time",
        },
    }


def _fill_catalogue(settings: Settings, chooser: random.Random) -> None:
    """The rows that the projection would have folded from a catalogue of this size."""
    tables = {table.name: table for table in catalogue.TABLES}
    with postgres.connect(settings.database_url) as connection:
        create_missing(connection, tuple(read_models(Topics()).values()))
        partners, offers = tables["catalogue_partners"], tables["catalogue_offers"]
        _copy(connection, partners, _rows(partners, (_partner(number, chooser) for number in range(PARTNERS))))
        _copy(connection, offers, _rows(offers, _offers(chooser)))
        connection.commit()
        connection.autocommit = True
        connection.execute("ANALYZE")


def _partner(number: int, chooser: random.Random) -> PartnerRegistered:
    country = chooser.choice(("US", "US", "DE", "FR", "GB", "PL"))
    latitude, longitude = COUNTRIES[country]
    return PartnerRegistered(
        source_version=1,
        partner_id=f"press-{number:02}",
        name=f"Benchmark press {number}",
        adapter="print_shop",
        country=country,
        latitude=latitude + chooser.uniform(-5, 5),
        longitude=longitude + chooser.uniform(-5, 5),
        ships_to=chooser.choice((("*",), ("*",), ("US", "DE", "FR"))),
        daily_capacity=chooser.choice((200, 1_000, 5_000)),
        suspended=chooser.random() < 0.05,
        transit_days={"US": 5, "*": 9} if number % 2 else {},
    )


def _offers(chooser: random.Random) -> Iterator[PartnerOfferChanged]:
    area = PrintAreaSize(name="front", width_um=300_000, height_um=400_000, dpi=300)
    for variant in range(VARIANTS):
        for number in range(PARTNERS):
            yield PartnerOfferChanged(
                source_version=1,
                partner_id=f"press-{number:02}",
                variant_id=f"variant-{variant}",
                partner_variant=f"V{variant}",
                cost_minor=chooser.randint(300, 900),
                currency=chooser.choice(("USD", "EUR")),
                stock=chooser.choice((0, 40, 400, 4_000)),
                production_days=chooser.randint(1, 5),
                load_percent=chooser.randint(0, 100),
                print_areas=(area,),
            )


def _rows(table: Table, facts: Iterable[PartnerRegistered | PartnerOfferChanged]) -> Iterator[Row]:
    """The rows of facts whose fields are the table's columns; what is no plain value stands there as JSON."""
    for fact in facts:
        values = [getattr(fact, column) for column in table.columns]
        yield tuple(
            msgspec.json.encode(value).decode() if isinstance(value, tuple | dict) else value for value in values
        )


def _copy(connection: Connection[Any], table: Table, rows: Iterator[Row]) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), columns)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _request(number: int, chooser: random.Random) -> RoutingRequested:
    drawn = chooser.randrange(100)
    others = 2 if drawn < THREE_LINES_PERCENT else 1 if drawn < THREE_LINES_PERCENT + TWO_LINES_PERCENT else 0
    at = BEGAN_AT + number * 1_000
    return RoutingRequested(
        effect_key=f"{number:032x}",
        request_id=f"{number:032x}.1",
        attempt=1,
        due_at=at + DAY_MS,
        line_id="1",
        run=1,
        units=tuple(range(1, chooser.choice((2, 2, 2, 4)))),
        variant_id=f"variant-{chooser.randrange(VARIANTS)}",
        country=chooser.choice(("US", "DE", "FR", "AU")),
        region="",
        postal_prefix="10",
        priority="express" if chooser.randrange(10) == 0 else "standard",
        asked_at=at,
        placed_at=at,
        total_minor=chooser.randint(1_000, 20_000),
        currency="USD",
        others=tuple(
            OtherLine(line_id=str(line + 2), variant_id=f"variant-{chooser.randrange(VARIANTS)}", units=1)
            for line in range(others)
        ),
    )


async def _decide(route: Route, chooser: random.Random, decisions: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each decision and of this process's processor time in it, both sorted."""
    took: list[float] = []
    cpu: list[float] = []
    routed = 0
    for number in range(WARM_UP + decisions):
        request = _request(number, chooser)
        envelope = FactEnvelope(
            key=f"order-{number}",
            tenant=TENANT,
            fact_type="RoutingRequested",
            seq=1,
            position=number + 1,
            recorded_at=request.asked_at,
            actor="bench",
            causation_id="bench",
        )
        began, used = time.perf_counter(), time.process_time()
        report = await route.carry_out(request, envelope)
        took.append((time.perf_counter() - began) * 1_000)
        cpu.append((time.process_time() - used) * 1_000)
        routed += bool(getattr(report, "partner_id", ""))
    if not routed:
        raise NobodyRouted
    return sorted(took[WARM_UP:]), sorted(cpu[WARM_UP:])


def _simulated(
    settings: Settings, reads: SystemReads, chooser: random.Random, count: int, candidates: int
) -> dict[str, Any]:
    """Fill the read model with decisions that know so many candidates, and try other rules on all of them."""
    (table,) = routing_decisions.RoutingDecisions(Topics()).tables
    known = [reads.offers(TENANT, (f"variant-{number}",)).by_variant[f"variant-{number}"] for number in range(200)]
    with postgres.connect(settings.database_url) as connection:
        connection.execute("TRUNCATE routing_decisions")
        _copy(connection, table, (_decision(number, chooser, known, candidates) for number in range(count)))
        connection.commit()
        connection.autocommit = True
        connection.execute("ANALYZE routing_decisions")
    shipped = shipped_rules()
    nearer = msgspec.structs.replace(
        shipped, version="nearer", standard=msgspec.structs.replace(shipped.standard, per_1000_km=200)
    )
    began, used = time.perf_counter(), time.process_time()
    difference = simulate(by_order(reads.routing_decisions(TENANT, 0, 2**62)), Judge(nearer))
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - used
    return {
        "per_second": round(difference.decisions / seconds),
        "per_cpu_second": round(difference.decisions / cpu_seconds),
        "decisions": difference.decisions,
        "changed": difference.changed,
        "candidates": candidates,
        "seconds": round(seconds, 2),
    }


def _decision(number: int, chooser: random.Random, known: list[tuple[Offer, ...]], candidates: int) -> Row:
    request = msgspec.structs.replace(_request(number, chooser), others=())
    wanted = wanted_by(request)
    found = tuple(candidate_of(wanted, offer) for offer in chooser.sample(chooser.choice(known), candidates))
    able = [candidate.partner_id for candidate in found if candidate.eligible]
    encode = msgspec.msgpack.encode
    return (
        TENANT,
        f"order-{number:08}",
        "1",
        1,
        encode(request),
        encode(found),
        able[0] if able else "",
        request.asked_at,
    )


def _percentile(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2) if ordered else 0.0
