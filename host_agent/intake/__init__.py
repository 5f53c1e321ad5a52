"""The intake log: accepted requests, on disk before they are acknowledged, readable at random and in order.

Everything behind the door works from it: the store, the live stream, the pipeline and its destinations.
"""

from host_agent.intake.decision import UNDECIDED, Decision, DecisionState
from host_agent.intake.encoding import Encoding
from host_agent.intake.log import Fsync, IntakeFailedError, IntakeFullError, IntakeLog
from host_agent.intake.position import ORIGIN, Checkpoint, Position
from host_agent.intake.reader import IntakeReader, RecordGoneError
from host_agent.intake.record import DamagedRecordError, Record

__all__ = [
    "ORIGIN",
    "UNDECIDED",
    "Checkpoint",
    "DamagedRecordError",
    "Decision",
    "DecisionState",
    "Encoding",
    "Fsync",
    "IntakeFailedError",
    "IntakeFullError",
    "IntakeLog",
    "IntakeReader",
    "Position",
    "Record",
    "RecordGoneError",
]
