"""Training rows on disk, for trainers of any kind: the article's pipeline with one meaning on every engine.

plan.py       what is asked for: which events, which weights, which draws
source.py     files of events as Arrow batches, bad rows counted by reason
census.py     who and what there is: the vocabularies, and how often each item was met by which day
encoded.py    events as numbers, grouped into parts by user or by lot
settle.py     one part's events: each id once, in order of time, with what was known then
examples.py   one row for each event and `ratio` negatives for each liking one
writing.py    shuffled shards, and the manifest that publishes them
local.py      the engine for one machine
"""
