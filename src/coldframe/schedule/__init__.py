"""When a project trains by itself, in which process, and what is written of it. `docs/scheduling.md` tells it in words.

plan.py         now, trainings, lease -> when the next training begins: a pure function
freshness.py    when events were accepted -> minutes until they were in a served model: a pure function
lease.py        one training at a time, on any number of processes
records.py      what is written of a training
training.py     one training: lease, pipeline, promotion, record
trainer.py      the process that trains beside a server
scheduler.py    the thread that looks at the plan and starts the trainer
"""
