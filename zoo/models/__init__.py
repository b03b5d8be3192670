"""The models of the zoo, one a file; `zoo.models.registry` names them all."""
