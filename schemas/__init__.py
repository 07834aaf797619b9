"""Generated Avro schemas of every released version, the id map, and the catalogue. Data, no code."""
