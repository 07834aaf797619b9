"""The demonstration: made-up stores, products, partners, pictures and orders, and the scenes that they play."""
