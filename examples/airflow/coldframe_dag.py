"""One training every six hours on the worker that has the project's folder; a running service takes up the bundle.

`--as-of` is the end of the task's interval, so that clearing a task trains on the same events again and gives the same
bundle.
"""

from datetime import UTC, datetime, timedelta

from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG(
    dag_id="coldframe_train",
    schedule=timedelta(hours=6),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
):
    BashOperator(
        task_id="train",
        cwd="/srv/shop",
        bash_command="nice -n 10 coldframe train --json --as-of {{ data_interval_end.isoformat() }}",
        retries=2,
        retry_delay=timedelta(minutes=15),
    )
