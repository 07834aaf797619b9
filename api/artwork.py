"""Other artwork for a line: from what a person sends to the command, with what they do not speak of kept."""

from __future__ import annotations

import msgspec

from api.dependencies import ApiDependencies
from api.models import ReplaceArtworkIn
from events.order.commands import ReplaceArtwork
from events.order.state import Line
from events.order.values import AreaContent
from processors import personal
from processors.uploads import keep_upload
from processors.workers.files import OrderFiles


def replacement(
    deps: ApiDependencies, tenant: str, order_id: str, line: Line, given: ReplaceArtworkIn
) -> ReplaceArtwork:
    """The command for a text or a picture address; a field that is not there keeps what is printed. May block."""
    before = _before(line, given.area)
    name, new = before.area, before
    if "text" in given.model_fields_set:
        text = personal.seal_text(deps.vault, tenant, order_id, personal.text_field(line.line_id, name), given.text)
        new = msgspec.structs.replace(new, text=text)
    if "artwork_url" in given.model_fields_set:
        field = personal.artwork_url_field(line.line_id, name)
        url = personal.seal_text(deps.vault, tenant, order_id, field, given.artwork_url)
        new = msgspec.structs.replace(new, artwork_url=url, design_key=None, crop=None)
    return _command(deps, tenant, line, given.area, new, given.model_dump_json(exclude_unset=True))


def uploaded(
    deps: ApiDependencies, tenant: str, order_id: str, line: Line, area: str, content: bytes
) -> ReplaceArtwork:
    """The command for a picture that was sent itself; it is stored first. May block; raises UploadNotUsable."""
    files = OrderFiles(deps.objects, deps.vault)
    key = keep_upload(files, deps.vault, tenant, order_id, line.line_id, content)
    new = msgspec.structs.replace(_before(line, area), artwork_url=None, design_key=key, crop=None)
    return _command(deps, tenant, line, area, new, key)


def _before(line: Line, area: str) -> AreaContent:
    """What is printed on the area now. The first area may have been given without a name."""
    first = line.areas[0].area if line.areas else ""
    known = {content.area: content for content in line.contents}
    if area and area == first and "" in known and area not in known:
        area = ""
    return known.get(area, AreaContent(area=area))


def _command(deps: ApiDependencies, tenant: str, line: Line, asked: str, new: AreaContent, said: str) -> ReplaceArtwork:
    """The command; `asked` is the area as it was sent, `said` what is to be on it.

    Its digest is of that and of how often the line was replaced before. Sent again while the line still carries it, it
    is the same digest: the first time counts. After anything else was printed on the line it is another.
    """

    def digest(revision: int) -> str:
        parts = (line.line_id, revision, asked, said)
        return deps.vault.digest(tenant, "replaced artwork", msgspec.json.encode(parts))

    carried = digest(line.revision - 1)
    is_repeat = line.content_digest == carried
    return ReplaceArtwork(
        line_id=line.line_id, contents=(new,), content_digest=carried if is_repeat else digest(line.revision)
    )
