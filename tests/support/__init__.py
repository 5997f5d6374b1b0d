"""The base of every end-to-end test: the deployed stack, a typed client, a recording receiver,
and the contracts' own checks."""
