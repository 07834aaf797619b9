"""The ledger: the only place that decides. One writer a partition, one Kafka transaction a batch of commands.

`loop` takes commands and commits, `decisions` turns a batch into records, `partition` holds what a partition folds to,
`takeover` loads it, `transaction` is the producer, `chain` the hashes, `intake` and `deadletters` the way in.
"""
