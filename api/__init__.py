"""The HTTP interface: roads in for orders and webhooks, read models out."""
