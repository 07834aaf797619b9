"""The commands of `printledger`: each module has `register(app)`, which adds its commands."""
