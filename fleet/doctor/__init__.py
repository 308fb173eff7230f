"""What is wrong with a workspace, its record, its machine and its people, and how to mend each. It looks, and changes nothing.

Every check yields findings; one that breaks down is a finding itself, so a broken workspace is told about, never a traceback.
"""

from fleet.doctor.examine import Report, examine
from fleet.doctor.finding import Finding, Level

__all__ = ["Finding", "Level", "Report", "examine"]
