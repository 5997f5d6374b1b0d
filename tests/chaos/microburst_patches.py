"""microburst with changes for the rows: its own command line, and patches of its behaviour.
faults.py starts it."""

import logging
import random
import sys

from microburst import cli, protocols
from microburst.forward import Upstream

_headers = Upstream._outbound_headers


def _with_the_senders_host(self, request):
    """The functions sign the Host header, and the local cloud, with AUTH=true, checks the
    signatures of roles."""
    return _headers(self, request) | {"host": request.headers["host"]}


Upstream._outbound_headers = _with_the_senders_host
# It writes SQS's `RequestThrottled` as `AWS.SimpleQueueService.RequestThrottled`, which no SDK
# retries. AWS's own model has no such prefix there (`awsQueryError` in the models of aws-sdk-js-v3:
# RequestThrottled, 403).
protocols.query_error_namespace = lambda service: None
# A log line for each request costs more than the request.
logging.disable(logging.INFO)
# It uses Python's random numbers. The order of many concurrent requests differs in each run, but
# the seed is the same.
random.seed(sys.argv.pop(1))
sys.exit(cli.main())
