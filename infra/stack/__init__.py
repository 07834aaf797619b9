"""The embedded stack: Kafka, schema registry, PostgreSQL, S3 and mail on this machine, from package registries."""
