/** What went wrong, and what to do, for each code of the API. A test holds it against the document. */
export const failures = {
  /** Why an attempt got no answer. */
  attempt: {
    dns: 'The host in the URL does not lead to a public address. Check its spelling, and that its DNS entry exists and is public.',
    connect: 'Nothing accepts connections at this host and port. Check that the server runs, and that its firewall lets the internet reach it.',
    tls: 'The encrypted connection failed. Check that the certificate is valid, made for this host, not self-signed, and sent with its intermediate certificates.',
    reset: 'The connection ended before an answer came. Check the proxy or load balancer in front of the receiver, and whether it restarted at this time.',
    timeout: 'Nobody answered in time. Answer with 2xx as soon as the event is stored, and do the work afterwards.',
    address_blocked: 'The address is not public, or its port is not allowed, so nothing is sent there. Use a URL that the internet can reach.',
    invalid_url: 'Nothing can be sent to this URL. Edit the webhook and correct it.',
    protocol: "What came back was not HTTP. Check that the port is the web server's, and that http or https fits it.",
    unsigned: 'Nothing was sent: the webhook has no secret to sign with, and an unsigned request could not be trusted. Rotate the secret.',
    credentials: "Nothing was sent: the webhook's secret, password or a header cannot be read any more. Enter it again in the settings.",
  } as Record<string, string>,
  /** Why a delivery ended, or a message never became an event. */
  reason: {
    refused: 'The receiver refused it with a status that is not tried again.',
    exhausted: 'Every attempt of the schedule failed.',
    gone: 'The receiver answered that this address is gone, so the webhook was switched off.',
    address_blocked: "The webhook's address is not public, or its port is not allowed.",
    invalid_url: "Nothing can be sent to the webhook's URL.",
    webhook_inactive: 'The webhook was switched off or removed while a retry was waiting.',
    undeliverable: 'It could not be processed here, several times in a row. The receiver is not the cause. Redrive it.',
    event_erased: 'What the event said was erased before it was delivered. It cannot be sent any more.',
    malformed_json: 'The message from the queue is not JSON.',
    invalid_event: 'The message from the queue is not an event: a value is missing or wrong.',
    payload_too_large: 'The message from the queue is larger than an event may be.',
    unknown_tenant: 'The message from the queue names an organisation that does not exist.',
    sender_not_allowed: 'The sender may not publish events for the organisation that it names.',
    id_conflict: 'The id of the event was used for another event within the last 24 hours.',
  } as Record<string, string>,
  /** The same in one to three words, for filters and tables. */
  short: {
    dns: 'Host not found',
    connect: 'No connection',
    tls: 'Certificate or TLS',
    reset: 'Connection ended',
    timeout: 'No answer in time',
    protocol: 'Not HTTP',
    unsigned: 'No secret',
    credentials: 'Credentials unreadable',
    refused: 'Refused',
    exhausted: 'Attempts used up',
    gone: 'Address gone',
    address_blocked: 'Address blocked',
    invalid_url: 'URL not valid',
    webhook_inactive: 'Webhook inactive',
    undeliverable: 'Not processed',
    event_erased: 'Event erased',
    malformed_json: 'Not JSON',
    invalid_event: 'Not an event',
    payload_too_large: 'Too large',
    unknown_tenant: 'Unknown organisation',
    sender_not_allowed: 'Sender not allowed',
    id_conflict: 'Id used twice',
  } as Record<string, string>,
  /** What a status of a receiver usually means. */
  status: {
    '3xx': 'A redirect. Redirects are not followed: enter the final URL in the webhook.',
    '400': 'The receiver did not understand the request. Its answer may say why.',
    '401': 'The receiver does not accept the credentials. Check basic authentication, and how the signature is verified.',
    '403': 'The receiver does not allow the request. Check its firewall or allow list, and how the signature is verified.',
    '404': "The receiver has nothing at this path. Check the URL's path.",
    '405': "The receiver does not take this method here. Check the URL's path: deliveries are POST requests.",
    '408': 'The receiver waited too long for the request.',
    '410': 'The receiver says that this address is gone for good.',
    '413': 'The body is too large for the receiver, often for a proxy in front of it.',
    '415': 'The receiver does not take JSON here.',
    '422': 'The receiver understood the request, but does not accept its content. Its answer may say why.',
    '429': 'The receiver asks for fewer requests.',
    '4xx': 'The receiver says that the request is wrong. Its answer may say why.',
    '500': 'The receiver had an error of its own. Its log at this time tells which.',
    '502': 'A proxy in front of the receiver got no usable answer from it.',
    '503': 'The receiver is not available at the moment: overloaded, or down for maintenance.',
    '504': 'A proxy in front of the receiver waited too long for it.',
    '5xx': 'The receiver had an error of its own. Its log at this time tells which.',
  } as Record<string, string>,
  unknown: 'It failed for a reason that this page does not know yet.',
  answered: (code: number) => `The receiver answered ${code}.`,
  /** Of a delivery, for a row: what the API says, which is English. */
  ofDelivery: ({ error }: Failed) => error ?? '',
};

/** What the API says of a delivery that has not arrived. */
export interface Failed {
  error?: string;
  errorCode?: string;
  lastResponseCode?: number;
}

export type Failures = typeof failures;
