from typing import Annotated, TypeVar

T = TypeVar("T")

# Inside a component, an argument so annotated is the artifact or the value itself.
InputArtifact = Annotated[T, "input"]
OutputArtifact = Annotated[T, "output"]
Parameter = Annotated[T, "parameter"]
BeamComponentParameter = Annotated[T, "beam"]
