"""The catalogue stream: products, templates, SKU mapping, partners and what they offer."""
