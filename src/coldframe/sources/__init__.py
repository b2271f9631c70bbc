"""Rows that lie elsewhere, copied once to files on this machine: object storage, PostgreSQL, BigQuery.

address.py    where rows lie, as a person writes it, without the password that may be in it
asked.py      what is wanted of a source: which columns, from when to when
objects.py    files in object storage, by fsspec
postgres.py   a table or query of PostgreSQL, by ADBC
bigquery.py   a table or query of BigQuery, by its Storage Read API
stage.py      rows as Parquet files, complete or not there, in a folder of their own
reading.py    from an address to those files: begin here

Why a copy: the pipeline passes over its events several times and an import keeps all of a file or nothing. A database
read twice tells two stories, and a connection may break after an hour. So a source is read once, to its end, before
anything of it counts, and what follows knows nothing but files. Column names stay those of the source: whoever reads
the files maps them, by the rules that any other file has.
"""
