"""Line-aware readers for CSV, XLSX and YAML: nearest spelling, and all mistakes of a file at once."""

from fleet.files.documents import read_model
from fleet.files.mistakes import Mistakes, all_mistakes
from fleet.files.spelling import did_you_mean, nearest, one_of

__all__ = ["Mistakes", "all_mistakes", "did_you_mean", "nearest", "one_of", "read_model"]
