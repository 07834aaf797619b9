"""Artwork: from what a buyer uploads to a file that a press accepts.

`template` says what a product's print areas look like, `checks` finds what is wrong with a buyer's picture and
text, `render` makes print file, proof and mock-up. Foreign bytes are decoded in the child processes of `sandbox`
only. The workers call `check_artwork` and `render_line`; nothing here knows Kafka, S3 or a database.
"""

from pathlib import Path


def templates_folder() -> Path:
    """Where the templates of the demo's products lie, one JSON file each, named by template id."""
    return Path(__file__).parent / "templates"
