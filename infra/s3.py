"""The object store: one bucket with versions, behind `processors.ports.ObjectStore`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from infra.settings import Settings
from processors.ports import NamedError, ObjectMissing, StoredObject
from processors.sweeper import StoredVersion

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import DeleteMarkerEntryTypeDef, ObjectVersionTypeDef

CONNECT_SECONDS = 5
READ_SECONDS = 30
ATTEMPTS_MAX = 4
CONNECTIONS_MAX = 32
OBJECT_BYTES_MAX = 256 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
KEY = re.compile(r"^[A-Za-z0-9._/-]{1,900}$")
DOT_SEGMENTS = frozenset({".", ".."})
METADATA_BYTES_MAX = 1_800
#: The most that S3 takes and gives in one request.
REMOVED_AT_ONCE = LISTED_AT_ONCE = 1_000
GONE = ("NoSuchKey", "NoSuchVersion")


class ObjectStoreUnreachable(NamedError):
    """The object store does not answer. Start the stack with `printledger up`, or mend S3_ENDPOINT_URL."""


class ObjectRefused(NamedError):
    """This object cannot be stored as it is: its key, its size or its metadata. What is wrong follows."""


class ObjectsNotRemoved(NamedError):
    """The store refuses to remove versions. Look whether they are locked, or our credentials may not."""


class BucketWithoutVersions(NamedError):
    """The store did not switch versions on for the bucket. Use a store that supports them: files are evidence."""


def s3_client(settings: Settings) -> S3Client:
    """A client that signs as v4 and addresses by path, as pre-signed links of the embedded store need."""
    # Imported here: it takes long, and most short commands never reach for a file.
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint_url,
        aws_access_key_id=settings.s3_access_key,
        aws_secret_access_key=settings.s3_secret_key.get_secret_value(),
        region_name=settings.s3_region,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": ATTEMPTS_MAX, "mode": "standard"},
            max_pool_connections=CONNECTIONS_MAX,
            proxies={},
        ),
    )


def ensure_bucket(client: S3Client, bucket: str) -> bool:
    """Make the bucket if it is missing, and switch versions on; returns whether it is new."""
    with _reachable():
        new = False
        try:
            client.head_bucket(Bucket=bucket)
        except ClientError as error:
            if _code(error) not in ("404", "NoSuchBucket"):
                raise
            with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):
                client.create_bucket(Bucket=bucket)
                new = True
        if client.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
            client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
            if client.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
                raise BucketWithoutVersions
        return new


class Bucket:
    """The ObjectStore of one bucket. Safe to share between threads; all calls block."""

    def __init__(self, client: S3Client, bucket: str, *, page_size: int = LISTED_AT_ONCE) -> None:
        """`page_size` is how many versions are listed with one request, 2 to 1,000."""
        self._client = client
        self._bucket = bucket
        self._page_size = page_size

    def put(self, key: str, content: bytes, media_type: str, metadata: Mapping[str, str]) -> StoredObject:
        """Write once: where the key has an object already, that one is kept and described."""
        _check(key, content, metadata)
        with _reachable():
            try:
                answer = self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=content,
                    ContentType=media_type,
                    Metadata=dict(metadata),
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if _code(error) in ("PreconditionFailed", "412", "ConditionalRequestConflict", "409"):
                    return self.head(key)
                raise
        return StoredObject(
            key=key,
            size_bytes=len(content),
            media_type=media_type,
            version_id=answer.get("VersionId"),
            metadata=dict(metadata),
        )

    def head(self, key: str) -> StoredObject:
        """Describe the newest version, or raise ObjectMissing."""
        _check_segments(key)
        with _reachable(key):
            answer = self._client.head_object(Bucket=self._bucket, Key=key)
        return StoredObject(
            key=key,
            size_bytes=answer["ContentLength"],
            media_type=answer["ContentType"],
            version_id=answer.get("VersionId"),
            metadata=answer["Metadata"],
        )

    def get(self, key: str) -> bytes:
        """Read the newest version whole, or raise ObjectMissing."""
        described, pieces = self.stream(key)
        if described.size_bytes > OBJECT_BYTES_MAX:
            raise ObjectRefused(f"{key} has {described.size_bytes} bytes; at most {OBJECT_BYTES_MAX} are read at once.")
        return b"".join(pieces)

    def stream(self, key: str) -> tuple[StoredObject, Iterator[bytes]]:
        """Read the newest version piece by piece, or raise ObjectMissing."""
        _check_segments(key)
        with _reachable(key):
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
        described = StoredObject(
            key=key,
            size_bytes=answer["ContentLength"],
            media_type=answer["ContentType"],
            version_id=answer.get("VersionId"),
            metadata=answer["Metadata"],
        )
        return described, answer["Body"].iter_chunks(CHUNK_BYTES)

    def list_keys(self, prefix: str = "") -> Iterator[str]:
        """Every key below a prefix, in order."""
        with _reachable():
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                for entry in page.get("Contents", ()):
                    yield entry["Key"]

    def versions(self, prefix: str = "") -> Iterator[tuple[str, str]]:
        """Every (key, version id) below a prefix, deletion marks included: what an erasure must remove."""
        for page in self._version_pages(prefix):
            for version in page:
                yield version.key, version.version_id

    def all_versions(self, prefix: str) -> Iterator[StoredVersion]:
        """Every version below a prefix with its size and time: keys in order, of each the newest version first."""
        held: list[StoredVersion] = []
        for page in self._version_pages(prefix):
            found = [*held, *page]
            found.sort(key=lambda version: (version.key, not version.is_newest, -version.changed_at))
            # A key's versions and marks may go on in the next page.
            last = found[-1].key if found else ""
            held = [version for version in found if version.key == last]
            yield from found[: len(found) - len(held)]
        yield from held

    def _version_pages(self, prefix: str) -> Iterator[list[StoredVersion]]:
        """The pages of the list of versions, each version once.

        S3 begins a page behind the last entry of the page before; versitygw 1.7 begins with that entry itself, and an
        object at the end of a page would look as if it had two versions.
        """
        seen: set[tuple[str, str]] = set()
        with _reachable():
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self._bucket, Prefix=prefix, PaginationConfig={"PageSize": self._page_size}
            )
            for page in pages:
                listed = [
                    *(_listed(entry, size=entry["Size"]) for entry in page.get("Versions", ())),
                    *(_listed(mark) for mark in page.get("DeleteMarkers", ())),
                ]
                yield [one for one in listed if (one.key, one.version_id) not in seen]
                seen = {(one.key, one.version_id) for one in listed}

    def remove_versions(self, versions: Sequence[tuple[str, str]]) -> int:
        """Remove these (key, version id) for good; returns how many. Raises ObjectsNotRemoved."""
        for start in range(0, len(versions), REMOVED_AT_ONCE):
            part = versions[start : start + REMOVED_AT_ONCE]
            with _reachable():
                answer = self._client.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": [{"Key": key, "VersionId": version} for key, version in part], "Quiet": True},
                )
            # Another sweep, or an erasure, may have been there before.
            refused = [error for error in answer.get("Errors", ()) if error.get("Code") not in GONE]
            if refused:
                first = refused[0]
                raise ObjectsNotRemoved(
                    f"{len(refused)} of {len(part)} versions, such as {first.get('Key')}: {first.get('Code')}. "
                    f"{ObjectsNotRemoved.__doc__}"
                )
        return len(versions)


def _listed(entry: ObjectVersionTypeDef | DeleteMarkerEntryTypeDef, size: int | None = None) -> StoredVersion:
    """An entry of a listing; without a size it is a mark of deletion."""
    return StoredVersion(
        key=entry["Key"],
        version_id=entry["VersionId"],
        size_bytes=size or 0,
        changed_at=int(entry["LastModified"].timestamp() * 1000),
        is_newest=entry["IsLatest"],
        is_mark=size is None,
    )


def _check_segments(key: str) -> None:
    """Raise ObjectMissing for a key that a store could take for another one: whose object it is stands at its front."""
    if not DOT_SEGMENTS.isdisjoint(key.split("/")):
        raise ObjectMissing(f"{key}: {ObjectMissing.__doc__}")


def _check(key: str, content: bytes, metadata: Mapping[str, str]) -> None:
    if not KEY.match(key) or "//" in key or key.startswith("/") or not DOT_SEGMENTS.isdisjoint(key.split("/")):
        raise ObjectRefused(f"{key!r} is not a key: letters, digits, '.', '_', '-' and '/' only.")
    if len(content) > OBJECT_BYTES_MAX:
        raise ObjectRefused(f"{key} has {len(content)} bytes; at most {OBJECT_BYTES_MAX} are stored.")
    size = sum(len(name) + len(value) for name, value in metadata.items())
    if size > METADATA_BYTES_MAX or not all((name + value).isascii() for name, value in metadata.items()):
        raise ObjectRefused(f"{key}: metadata must be ASCII and at most {METADATA_BYTES_MAX} bytes.")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextlib.contextmanager
def _reachable(key: str = "") -> Iterator[None]:
    """The client's errors as ours. With a key, a missing object is ObjectMissing."""
    try:
        yield
    except ClientError as error:
        if key and _code(error) in ("404", "NoSuchKey"):
            raise ObjectMissing(f"{key}: {ObjectMissing.__doc__}") from error
        raise
    except BotoCoreError as error:
        raise ObjectStoreUnreachable(f"{ObjectStoreUnreachable.__doc__} ({error})") from error
