"""The Schema: the only place where the features of a request log are declared.

Everything else (parsing, TFX preprocessing, model inputs, signatures, the client's encoder) is derived from it.
"""

from zoo.schema.features import FIRST_ID, PADDING_ID, UNKNOWN_ID, BehaviourSequence, Column, Feature, IdSpace, Role
from zoo.schema.labels import Label, Late, Mark
from zoo.schema.schema import CANDIDATE_COUNT, REQUEST_ID, REQUEST_TIME, Schema

__all__ = ["CANDIDATE_COUNT", "FIRST_ID", "PADDING_ID", "REQUEST_ID", "REQUEST_TIME", "UNKNOWN_ID", "BehaviourSequence",
           "Column", "Feature", "IdSpace", "Label", "Late", "Mark", "Role", "Schema"]
