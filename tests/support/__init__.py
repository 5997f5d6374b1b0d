"""What every end-to-end test stands on: the deployed stack, a typed client, a recording receiver,
and the contracts' own checks."""
