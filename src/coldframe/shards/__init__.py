"""Training rows on disk, for trainers of any kind: the article's pipeline with one meaning on every engine.

plan.py       what is asked for: which events, which weights, which draws
source.py     files of events as Arrow batches, bad rows counted by reason
census.py     who and what there is: the vocabularies, and how often each item was met by which day
encoded.py    events as numbers
dealing.py    where an event goes: to which part of the users, and to which shard
settle.py     one part's events: each id once, in order of time, with what was known then
examples.py   one row for each event and `ratio` negatives for each liking one
writing.py    shuffled shards, and the manifest that publishes them
report.py     what a run tells
local.py      the engine for one machine
job.py        the steps as workers of many machines do them, from bytes to bytes
wire.py       columns and errors on their way between workers
beam.py       the engine on Apache Beam
spark.py      the engine on Apache Spark
tfrecord.py   rows as tf.train.Example, without TensorFlow; message.py, framing.py and crc32c.py are its parts
"""
