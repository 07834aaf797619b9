"""Calls out to partners and carriers: bounded in time and size, rate-limited, retried for seconds, fused.

An adapter makes its calls through one `OutboundClient`. The client retries what is safe to retry on the
transport's level only, and for seconds only; a longer wait belongs to the ledger, which sees it as
`Deferred`. After repeated failures the circuit breaker answers `Deferred` at once, without a call, until its
rest is over.

Every error says whether the other side may have acted on the request (`outcome_unknown`): an adapter then
reads back under the effect key before anybody does the same work elsewhere.
"""

import asyncio
import email.utils
import time
from collections.abc import Mapping
from typing import ClassVar, Protocol, TypeVar

import httpx
import msgspec
import stamina

from events.decoding import from_json
from processors.gate import PAUSE_MAX_MS, Admission, Gate, GateRules, LocalGate, Rate

T = TypeVar("T")


class Deferred(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The other side gave no usable answer; the same request may be sent again later.

    `reason` is `circuit_open`, `rate_limited`, `not_reached`, `answer_lost`, `server_error` or
    `answer_too_large`.
    """

    reason: str
    #: The soonest moment at which another try makes sense, counted from now.
    retry_after_ms: int
    #: True when the request may have been carried out: read back before doing the work elsewhere.
    outcome_unknown: bool
    detail: str = ""


class OutboundError(Exception):
    """A call to a partner or carrier failed: see `deferred()` for when to try again."""

    reason: ClassVar[str] = "not_reached"

    def __init__(self, detail: str, *, outcome_unknown: bool, retry_after_ms: int = 0) -> None:
        """`retry_after_ms` counts from now; 0 leaves the wait to the ledger's own growing waits."""
        super().__init__(f"{self.__doc__} {detail}".strip())
        self.detail = detail
        self.outcome_unknown = outcome_unknown
        self.retry_after_ms = retry_after_ms

    def deferred(self) -> Deferred:
        """The same as a value that a worker reports."""
        return Deferred(
            reason=self.reason,
            retry_after_ms=self.retry_after_ms,
            outcome_unknown=self.outcome_unknown,
            detail=self.detail,
        )


class NotReached(OutboundError):
    """No connection came about, so nothing was sent: check the address and the network, then try again."""

    reason = "not_reached"


class AnswerLost(OutboundError):
    """The request left and no whole answer came back: read back under the effect key before trying again."""

    reason = "answer_lost"


class ServerError(OutboundError):
    """The other side failed (HTTP 5xx): it may have acted before it failed, so read back, then try again."""

    reason = "server_error"


class AnswerTooLarge(OutboundError):
    """The answer exceeded the size limit and was dropped: raise `answer_max_bytes` if it was legitimate."""

    reason = "answer_too_large"


class RateLimited(OutboundError):
    """The other side's rate limit is used up, nothing was done: try again after the stated wait."""

    reason = "rate_limited"


class CircuitOpen(OutboundError):
    """The circuit breaker rests after repeated failures, nothing was sent: try again after the wait."""

    reason = "circuit_open"


class OutboundPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Limits on calls to one vendor. The defaults suit an API that answers in well under a second."""

    connect_timeout_s: float = 3.0
    #: The longest silence within an answer.
    read_timeout_s: float = 10.0
    #: One try, from the first byte sent to the last received.
    total_timeout_s: float = 20.0
    answer_max_bytes: int = 4 * 1024 * 1024
    #: Tries of one call, and the seconds after which no further try starts.
    attempts: int = 3
    retry_for_s: float = 5.0
    retry_wait_s: float = 0.1
    #: The longest that a call waits for the rate limit or obeys a `Retry-After`; beyond it is deferred.
    wait_max_s: float = 2.0
    #: The rate limit that the vendor states; None for none.
    rate_limit: Rate | None = None
    #: Failed tries in a row that open the circuit, and the rest before one call is let through.
    circuit_failures: int = 5
    circuit_rest_s: float = 30.0

    @property
    def gate_rules(self) -> GateRules:
        """By what the vendor's gate opens and shuts."""
        return GateRules(
            rate=self.rate_limit,
            failures_max=self.circuit_failures,
            rest_ms=round(self.circuit_rest_s * 1000),
            probe_ms=round(self.total_timeout_s * 1000),
        )


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole HTTP answer below 500."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def read_as(self, kind: type[T]) -> T | None:
        """The body as `kind`; None when it is something else, however hostile."""
        try:
            return from_json(self.body, kind)
        except (msgspec.DecodeError, RecursionError):
            return None


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent and answered in one try. Headers are left out, because they carry the credentials."""

    vendor: str
    #: The effect key that the call is about; empty where it is about none.
    about: str
    method: str
    path: str
    sent: bytes
    #: None when no answer came.
    status: int | None
    answered: bytes
    duration_ms: int


class ExchangeLog(Protocol):
    """Keeps what was sent and answered."""

    async def keep(self, exchange: Exchange) -> None:
        """Keep one try. Never raises: what was done outside must be told all the same."""
        ...


class OutboundClient:
    """HTTP to one vendor. Safe for many calls at the same time on one event loop."""

    def __init__(
        self,
        vendor: str,
        base_url: str,
        policy: OutboundPolicy,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        gate: Gate | None = None,
        exchanges: ExchangeLog | None = None,
    ) -> None:
        """`gate` is shared by all who call this vendor; without one the client keeps its own.

        `auth` is a user and password for HTTP basic authentication, never sent to another host: redirects are
        not followed and proxies from the environment are not used.
        """
        self._vendor = vendor
        self._policy = policy
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers=dict(headers or {}),
            auth=auth,
            timeout=httpx.Timeout(policy.read_timeout_s, connect=policy.connect_timeout_s),
            limits=httpx.Limits(max_connections=50, max_keepalive_connections=20),
            follow_redirects=False,
            trust_env=False,
        )
        self._gate = gate or LocalGate()
        self._rules = policy.gate_rules
        self._exchanges = exchanges

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        idempotent: bool,
        headers: Mapping[str, str] | None = None,
        about: str = "",
    ) -> Answer:
        """Send one request and return the whole answer when its status is below 500.

        `about` is the effect key that the request serves, for those who look up later what was sent.

        `idempotent` says that the vendor does the work once however often the request arrives; only then is a
        request sent again whose answer was lost. 3xx and 4xx other than 429 are answers, for the adapter to
        sort. Raises a subclass of `OutboundError` for the rest.
        """
        body = b"" if json is None else msgspec.json.encode(json)
        maybe_done = False

        def again(error: Exception) -> bool | float:
            nonlocal maybe_done
            if not isinstance(error, OutboundError):
                return False
            maybe_done = maybe_done or error.outcome_unknown
            if isinstance(error, RateLimited):
                wait_s = error.retry_after_ms / 1000
                return wait_s if wait_s <= self._policy.wait_max_s else False
            if isinstance(error, CircuitOpen | AnswerTooLarge):
                return False
            return idempotent or not error.outcome_unknown

        try:
            async for attempt in stamina.retry_context(
                on=again,
                attempts=self._policy.attempts,
                timeout=self._policy.retry_for_s,
                wait_initial=self._policy.retry_wait_s,
                wait_max=self._policy.wait_max_s,
                wait_jitter=self._policy.retry_wait_s,
            ):
                with attempt:
                    return await self._try_once(method, path, body, dict(headers or {}), about)
        except OutboundError as error:
            # An earlier try of this call may have been carried out although the last one was not.
            error.outcome_unknown = error.outcome_unknown or maybe_done
            raise
        raise AssertionError("retry_context ends by a return or an error")

    async def _try_once(self, method: str, path: str, body: bytes, headers: dict[str, str], about: str) -> Answer:
        admission = await self._admitted()
        try:
            answer = await self._kept(method, path, body, headers, about)
            if answer.status >= 500:
                raise ServerError(
                    f"{method} {path} answered {answer.status}: {preview(answer.body)}",
                    outcome_unknown=True,
                    retry_after_ms=retry_after_ms(answer.headers, time.time()),
                )
        except (NotReached, AnswerLost, ServerError):
            await self._gate.failed(self._rules)
            raise
        if answer.status == 429:
            wait_ms = retry_after_ms(answer.headers, time.time()) or 1000
            await self._gate.paused(wait_ms)
            raise RateLimited(f"{method} {path} answered 429", outcome_unknown=False, retry_after_ms=wait_ms)
        if admission.is_watched:
            await self._gate.answered()
        return answer

    async def _kept(self, method: str, path: str, body: bytes, headers: dict[str, str], about: str) -> Answer:
        started = time.monotonic()
        answer: Answer | None = None
        try:
            answer = await self._exchange(method, path, body, headers)
            return answer
        finally:
            if self._exchanges is not None:
                await self._exchanges.keep(
                    Exchange(
                        vendor=self._vendor,
                        about=about,
                        method=method,
                        path=path,
                        sent=body,
                        status=None if answer is None else answer.status,
                        answered=b"" if answer is None else answer.body,
                        duration_ms=round((time.monotonic() - started) * 1000),
                    )
                )

    async def _exchange(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        if body:
            headers.setdefault("content-type", "application/json")
        try:
            async with (
                asyncio.timeout(self._policy.total_timeout_s),
                self._http.stream(method, path, content=body or None, headers=headers) as response,
            ):
                content = bytearray()
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > self._policy.answer_max_bytes:
                        raise AnswerTooLarge(
                            f"{method} {path}: more than {self._policy.answer_max_bytes} bytes",
                            outcome_unknown=True,
                        )
                lower = {name.lower(): value for name, value in response.headers.items()}
                return Answer(status=response.status_code, headers=lower, body=bytes(content))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotReached(f"{method} {path}: {type(error).__name__} {error}", outcome_unknown=False) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise AnswerLost(f"{method} {path}: {type(error).__name__} {error}", outcome_unknown=True) from error

    async def _admitted(self) -> Admission:
        """Wait for a turn, but no longer than the policy allows. Raises CircuitOpen or RateLimited."""
        waited_until = time.monotonic() + self._policy.wait_max_s
        while True:
            admission = await self._gate.admit(self._rules)
            match admission.obstacle:
                case "":
                    return admission
                case "circuit_open":
                    raise CircuitOpen(
                        f"{self._vendor} failed repeatedly", outcome_unknown=False, retry_after_ms=admission.wait_ms
                    )
                case "rate_limited":
                    wait_s = admission.wait_ms / 1000
                    if time.monotonic() + wait_s > waited_until:
                        raise RateLimited(
                            f"the limit of {self._vendor} is used up ({self._rules.rate or 'it asked for a pause'})",
                            outcome_unknown=False,
                            retry_after_ms=admission.wait_ms,
                        )
                    await asyncio.sleep(wait_s)


def retry_after_ms(headers: Mapping[str, str], now_s: float) -> int:
    """A `Retry-After` header (seconds or HTTP date) as milliseconds from `now_s`, at most PAUSE_MAX_MS.

    0 without a usable one.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return 0
    try:
        asked_ms = round(float(value) * 1000)
    except (ValueError, OverflowError):
        try:
            asked_ms = round((email.utils.parsedate_to_datetime(value).timestamp() - now_s) * 1000)
        except (ValueError, TypeError, OverflowError):
            return 0
    return min(max(asked_ms, 0), PAUSE_MAX_MS)


def preview(body: bytes, characters: int = 300) -> str:
    """The start of a body as text, for error details."""
    return body[: characters * 4].decode("utf-8", errors="replace")[:characters]
