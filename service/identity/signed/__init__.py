"""Signed requests: the devices' keys, the judgement of a signature, and the gate that stands before every route."""
