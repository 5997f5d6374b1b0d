"""The log shows every value of a header, of the response and of the request."""

from support.client import Tenant
from support.receiver import Receiver, Reply


def test_all_values_of_an_answers_header_are_in_the_log(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": []})
    receiver.answer(Reply(401, {"WWW-Authenticate": ["Negotiate", "NTLM", 'Basic realm="x"'], "Via": ["1.1 a", "1.1 b"], "Retry-After": "1"}))

    event_id = tenant.publish("item.created")

    (attempt,) = tenant.wait_for_status(event_id, "failed")["attemptLog"]
    headers = attempt["responseHeaders"]
    assert headers["www-authenticate"] == 'Negotiate, NTLM, Basic realm="x"'
    assert (headers["via"], headers["retry-after"]) == ("1.1 a, 1.1 b", "1")
