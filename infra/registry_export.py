"""Everything that an Apicurio Registry holds, in one request: checking a start takes one answer, not a hundred.

Apicurio's export is a zip of JSON documents: contents (an id and the text), and versions (which subject has which
content). A registry of another make does not have it, and is asked subject by subject. An import is the same zip the
other way: contents alone, each with the id that it is to have, wait there until a subject registers their text.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

#: Subject, then schema id, then the schema's text.
Holdings = Mapping[str, Mapping[int, str]]

EXPORT_PATH = "/apis/registry/v3/admin/export"
IMPORT_PATH = "/apis/registry/v3/admin/import?requireEmptyRegistry=false"
EXPORT_BYTES_MAX = 64 * 1024 * 1024
#: What is read from one export, so that a hostile archive cannot fill the memory.
UNPACKED_BYTES_MAX = 256 * 1024 * 1024


class ExportUnreadable(ValueError):
    """The registry's export is not of the kind that Apicurio 3 writes."""


def contents_archive(texts: Mapping[int, str]) -> bytes:
    """An import of schema texts by the ids that they are to have, as Apicurio 3 reads one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as entries:
        # Its reader of the form of version 3 is chosen by this.
        manifest = {"systemVersion": "3", "systemName": "printledger", "exportVersion": "3.0"}
        entries.writestr("manifest-printledger.Manifest.json", json.dumps(manifest))
        for schema_id, text in texts.items():
            digest = hashlib.sha256(text.encode()).hexdigest()
            described = {
                "contentId": schema_id,
                "contentHash": digest,
                "artifactType": "AVRO",
                "contentType": "application/json",
            }
            entries.writestr(f"content/{digest}.Content.json", json.dumps(described))
            entries.writestr(f"content/{digest}.Content.data", text)
    return buffer.getvalue()


def read_export(archive: bytes) -> Holdings:
    """Which schemas each subject has, by their ids. Raises ExportUnreadable."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as entries:
            if sum(entry.file_size for entry in entries.infolist()) > UNPACKED_BYTES_MAX:
                raise ExportUnreadable(ExportUnreadable.__doc__)
            return _holdings(entries)
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ExportUnreadable(f"{ExportUnreadable.__doc__} ({error})") from error


def _holdings(entries: zipfile.ZipFile) -> Holdings:
    texts: dict[int, str] = {}
    versions: list[dict[str, Any]] = []
    for name in entries.namelist():
        if name.endswith(".Content.json"):
            described = json.loads(entries.read(name))
            texts[described["contentId"]] = entries.read(name.removesuffix(".json") + ".data").decode("utf-8")
        elif name.endswith(".ArtifactVersion.json"):
            versions.append(json.loads(entries.read(name)))
    held: dict[str, dict[int, str]] = {}
    for version in versions:
        # Subjects of the Confluent API are the artifacts without a group.
        if version["groupId"] in (None, "default"):
            held.setdefault(version["artifactId"], {})[version["contentId"]] = texts[version["contentId"]]
    return held
