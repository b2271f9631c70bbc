"""What can be learned from this data, honestly: the analysis behind `coldframe doctor`.

report.py              the shape of the answer
diagnose.py            the measurements and the verdict
facts.py               what a check sees
event_problems.py      what is wrong with the events
catalogue_problems.py  what is wrong with the items and users
"""

from coldframe.dataset.doctor.diagnose import diagnose
from coldframe.dataset.doctor.report import Diagnosis, Problem

__all__ = ["Diagnosis", "Problem", "diagnose"]
