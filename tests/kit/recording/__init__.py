"""What a test process and every process that a test starts load before all else; see ``sitecustomize``."""
