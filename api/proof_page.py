"""The page that a link to a proof opens: pictures, findings, three things to do. No script, nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Final

from api.models import AreaOut, FindingOut, ProofOut

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "img{max-width:100%;border:1px solid #ccc;border-radius:6px;background:#fff}"
    "figure{margin:1rem 0}figcaption{color:#666}"
    "form{border:1px solid #ccc;border-radius:6px;padding:1rem;margin:1rem 0}"
    "button{font:inherit;padding:.5rem 1.2rem;border-radius:6px;border:1px solid #444;background:#fff;cursor:pointer}"
    ".yes{background:#1a6b2f;color:#fff;border-color:#1a6b2f}textarea,input{font:inherit;width:100%;box-sizing:border-box}"
    ".told{background:#eef6ee;border-left:4px solid #1a6b2f;padding:.6rem 1rem}li.block,li.review{font-weight:600}"
)
_STATES: Final = {
    "waiting": "Nothing is printed until you approve this proof.",
    "approved": "This proof is approved. It is printed as you see it here.",
    "changes_requested": "Changes were asked for. You can send another picture or text below.",
    "superseded": "A newer proof replaces this one. You get a link to it as soon as it is ready.",
    "cancelled": "This part of the order is cancelled. Nothing of it is printed.",
}
_TOLD: Final = {
    "approved": "Thank you: your approval has arrived.",
    "changes_requested": "Thank you: your wishes have arrived.",
    "replaced": "Thank you: what you sent has arrived. It is checked, and a new proof is made.",
}


def proof_page(proof: ProofOut, path: str, *, told: str = "") -> str:
    """The page of a proof. `path` is its own address, under which it is answered; `told` is what was just done."""
    parts = [
        f"<h1>Proof of order {escape(proof.order_number)}</h1>",
        f"<p>{escape(proof.title)}, version {proof.version}</p>",
    ]
    if told in _TOLD:
        parts.append(f'<p class="told">{_TOLD[told]}</p>')
    parts.append(f"<p>{_STATES[proof.state]}</p>")
    parts += [_area(area, several=len(proof.areas) > 1) for area in proof.areas]
    if proof.findings:
        parts.append("<h2>What we found</h2><ul>" + "".join(map(_finding, proof.findings)) + "</ul>")
    action = escape(path)
    if proof.state == "waiting":
        parts.append(
            f'<form method="post" action="{action}/approve"><p>Print it as it is shown above.</p>'
            '<button class="yes">Approve</button></form>'
            f'<form method="post" action="{action}/request-changes"><label>What should change?'
            '<textarea name="note" rows="4" maxlength="5000" required></textarea></label>'
            "<button>Ask for changes</button></form>"
        )
    if proof.state in {"waiting", "changes_requested"}:
        parts.append(_replace_form(action, proof.areas))
    return _document(f"Proof of order {proof.order_number}", "".join(parts))


def message_page(message: str) -> str:
    """A page that only says something."""
    return _document("Proof", f"<h1>Proof</h1><p>{escape(message)}</p>")


def _area(area: AreaOut, *, several: bool) -> str:
    name = f" of the {escape(area.area)}" if several else ""
    pictures = ((area.proof_url, "The print"), (area.mockup_url, "How it will look"))
    return "".join(
        f'<figure><img src="{escape(url)}" alt="{label}{name}"><figcaption>{label}{name}</figcaption></figure>'
        for url, label in pictures
        if url
    )


def _finding(finding: FindingOut) -> str:
    where = f" ({escape(finding.area)})" if finding.area else ""
    return f'<li class="{escape(finding.severity)}">{escape(finding.message)}{where}</li>'


def _replace_form(action: str, areas: tuple[AreaOut, ...]) -> str:
    choices = "".join(f'<option value="{escape(area.area)}">{escape(area.area)}</option>' for area in areas)
    where = f'<label>Where <select name="area">{choices}</select></label><br>' if len(areas) > 1 else ""
    return (
        f'<form method="post" action="{action}/replace" enctype="multipart/form-data">{where}'
        "<label>Another picture (PNG, JPEG, WebP or TIFF, at most 50 MB)"
        '<input type="file" name="file" accept="image/png,image/jpeg,image/webp,image/tiff" required></label>'
        "<button>Send the picture</button></form>"
    )


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )
