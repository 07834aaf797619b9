"""A claim store in memory, for the adapters that need one."""


class Claims:
    """Outlives the adapters of a test, as a database outlives workers."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    async def claim(self, effect_key: str, candidate: str) -> str:
        return self.values.setdefault(effect_key, candidate)

    async def claimed(self, effect_key: str) -> str | None:
        return self.values.get(effect_key)
