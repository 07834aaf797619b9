"""Our import names are plain words, so another distribution could own one of them and shadow us."""

from importlib.metadata import packages_distributions

OURS = ("events", "schemas", "projections", "processors", "api", "infra")


def test_no_other_distribution_owns_one_of_our_import_names() -> None:
    owners = packages_distributions()
    assert not {name: others for name in OURS if (others := set(owners.get(name, ())) - {"printledger"})}
