import type { Failures } from '../en/failures';

const answered = (code: number) => `Der Empfänger hat mit ${code} geantwortet.`;

export const failures: Failures = {
  attempt: {
    dns: 'Der Host in der URL führt zu keiner öffentlichen Adresse. Prüfen Sie die Schreibweise, und ob sein DNS-Eintrag vorhanden und öffentlich ist.',
    connect:
      'Unter diesem Host und Port nimmt niemand Verbindungen an. Prüfen Sie, ob der Server läuft und seine Firewall ihn aus dem Internet erreichbar macht.',
    tls: 'Die verschlüsselte Verbindung ist gescheitert. Prüfen Sie, ob das Zertifikat gültig, für diesen Host ausgestellt, nicht selbst signiert und mit seinen Zwischenzertifikaten installiert ist.',
    reset:
      'Die Verbindung endete, bevor eine Antwort kam. Prüfen Sie den Proxy oder Load Balancer vor dem Empfänger, und ob er zu dieser Zeit neu gestartet wurde.',
    timeout: 'Niemand hat rechtzeitig geantwortet. Antworten Sie mit 2xx, sobald das Ereignis gespeichert ist, und erledigen Sie die Arbeit danach.',
    address_blocked:
      'Die Adresse ist nicht öffentlich oder ihr Port nicht erlaubt, deshalb wird dorthin nichts gesendet. Verwenden Sie eine URL, die aus dem Internet erreichbar ist.',
    invalid_url: 'An diese URL kann nichts gesendet werden. Bearbeiten Sie den Webhook und berichtigen Sie sie.',
    protocol: 'Die Antwort war kein HTTP. Prüfen Sie, ob der Port der des Webservers ist und ob http oder https zu ihm passt.',
    unsigned:
      'Es wurde nichts gesendet: Der Webhook hat kein Secret zum Signieren, und einer unsignierten Anfrage ist nicht zu trauen. Erneuern Sie das Secret.',
    credentials:
      'Es wurde nichts gesendet: Das Secret, das Passwort oder ein Header des Webhooks ist nicht mehr lesbar. Geben Sie es in den Einstellungen neu ein.',
  },
  reason: {
    refused: 'Der Empfänger hat sie mit einem Status abgelehnt, nach dem nicht erneut versucht wird.',
    exhausted: 'Alle geplanten Versuche sind gescheitert.',
    gone: 'Der Empfänger hat geantwortet, dass es diese Adresse nicht mehr gibt; der Webhook wurde deshalb abgeschaltet.',
    address_blocked: 'Die Adresse des Webhooks ist nicht öffentlich oder ihr Port nicht erlaubt.',
    invalid_url: 'An die URL des Webhooks kann nichts gesendet werden.',
    webhook_inactive: 'Der Webhook wurde abgeschaltet oder entfernt, während noch ein Versuch ausstand.',
    undeliverable: 'Sie konnte hier mehrmals hintereinander nicht verarbeitet werden. Am Empfänger liegt es nicht. Senden Sie sie nach.',
    event_erased: 'Der Inhalt des Ereignisses wurde gelöscht, bevor es zugestellt war. Es kann nicht mehr gesendet werden.',
    malformed_json: 'Die Nachricht aus der Warteschlange ist kein JSON.',
    invalid_event: 'Die Nachricht aus der Warteschlange ist kein Ereignis: Ein Wert fehlt oder ist falsch.',
    payload_too_large: 'Die Nachricht aus der Warteschlange ist größer, als ein Ereignis sein darf.',
    unknown_tenant: 'Die Nachricht aus der Warteschlange nennt eine Organisation, die es nicht gibt.',
    sender_not_allowed: 'Der Absender darf für die genannte Organisation keine Ereignisse veröffentlichen.',
    id_conflict: 'Die ID des Ereignisses wurde in den letzten 24 Stunden für ein anderes Ereignis verwendet.',
  },
  short: {
    dns: 'Host nicht gefunden',
    connect: 'Keine Verbindung',
    tls: 'Zertifikat oder TLS',
    reset: 'Verbindung beendet',
    timeout: 'Keine rechtzeitige Antwort',
    protocol: 'Kein HTTP',
    unsigned: 'Kein Secret',
    credentials: 'Zugangsdaten unlesbar',
    refused: 'Abgelehnt',
    exhausted: 'Versuche erschöpft',
    gone: 'Adresse aufgegeben',
    address_blocked: 'Adresse gesperrt',
    invalid_url: 'URL ungültig',
    webhook_inactive: 'Webhook inaktiv',
    undeliverable: 'Nicht verarbeitet',
    event_erased: 'Ereignis gelöscht',
    malformed_json: 'Kein JSON',
    invalid_event: 'Kein Ereignis',
    payload_too_large: 'Zu groß',
    unknown_tenant: 'Unbekannte Organisation',
    sender_not_allowed: 'Absender nicht erlaubt',
    id_conflict: 'ID doppelt verwendet',
  },
  status: {
    '3xx': 'Eine Weiterleitung. Weiterleitungen wird nicht gefolgt: Tragen Sie im Webhook die endgültige URL ein.',
    '400': 'Der Empfänger hat die Anfrage nicht verstanden. Vielleicht sagt seine Antwort, warum.',
    '401': 'Der Empfänger akzeptiert die Zugangsdaten nicht. Prüfen Sie die Basic-Authentifizierung und die Prüfung der Signatur.',
    '403': 'Der Empfänger erlaubt die Anfrage nicht. Prüfen Sie seine Firewall oder Freigabeliste und die Prüfung der Signatur.',
    '404': 'Unter diesem Pfad hat der Empfänger nichts. Prüfen Sie den Pfad der URL.',
    '405': 'Der Empfänger nimmt diese Methode hier nicht an. Prüfen Sie den Pfad der URL: Zustellungen sind POST-Anfragen.',
    '408': 'Der Empfänger hat zu lange auf die Anfrage gewartet.',
    '410': 'Der Empfänger sagt, dass es diese Adresse nicht mehr gibt.',
    '413': 'Der Inhalt ist dem Empfänger zu groß, oft einem Proxy davor.',
    '415': 'Der Empfänger nimmt hier kein JSON an.',
    '422': 'Der Empfänger hat die Anfrage verstanden, nimmt ihren Inhalt aber nicht an. Vielleicht sagt seine Antwort, warum.',
    '429': 'Der Empfänger bittet um weniger Anfragen.',
    '4xx': 'Der Empfänger sagt, dass die Anfrage falsch ist. Vielleicht sagt seine Antwort, warum.',
    '500': 'Der Empfänger hatte einen eigenen Fehler. Sein Protokoll zu dieser Zeit sagt, welchen.',
    '502': 'Ein Proxy vor dem Empfänger hat von ihm keine brauchbare Antwort bekommen.',
    '503': 'Der Empfänger ist zurzeit nicht verfügbar: überlastet oder in Wartung.',
    '504': 'Ein Proxy vor dem Empfänger hat zu lange auf ihn gewartet.',
    '5xx': 'Der Empfänger hatte einen eigenen Fehler. Sein Protokoll zu dieser Zeit sagt, welchen.',
  },
  unknown: 'Es ist aus einem Grund gescheitert, den diese Seite noch nicht kennt.',
  answered,
  ofDelivery: ({ error, errorCode = '', lastResponseCode }) => {
    if (error === undefined) return '';
    if (errorCode === 'exhausted' || errorCode === 'refused' || errorCode === '') {
      if (lastResponseCode !== undefined) return answered(lastResponseCode);
    }
    return failures.reason[errorCode] ?? failures.short[errorCode] ?? error;
  },
};
