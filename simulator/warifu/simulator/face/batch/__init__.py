"""The batch inquiry file (一括照会): 18 fields a line in, a result row for each record out, one bulk inquiry between them."""

from warifu.simulator.face.batch.fields import FIELDS, InquiryLine
from warifu.simulator.face.batch.lines import Malformed, format_line, read_file
from warifu.simulator.face.batch.results import result_file
from warifu.simulator.face.batch.run import Batch, Progress

__all__ = ["FIELDS", "Batch", "InquiryLine", "Malformed", "Progress", "format_line", "read_file", "result_file"]
