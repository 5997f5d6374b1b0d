import type { charts as en } from '../en/charts';

export const charts: typeof en = {
  title: 'Letzte 24 Stunden',
  outcome: 'Zustellungen pro Stunde',
  codes: 'Antworten pro Stunde',
  latency: 'Antwortzeit des Empfängers, in ms',
  completed: 'Abgeschlossen',
  failed: 'Fehlgeschlagen',
  inProgress: 'In Arbeit',
  pending: 'Ausstehend',
  p50: 'Die Hälfte antwortete binnen',
  p95: '95 % antworteten binnen',
  noCode: 'Keine Antwort',
  time: 'Ab',
  table: 'Zahlen anzeigen',
  empty: 'Keine Zustellungen in den letzten 24 Stunden.',
  emptyLatency: 'Keine Antworten in den letzten 24 Stunden.',
  partial: (count, since) => `Nur die neuesten ${count} sind gezählt, zurück bis ${since}.`,
  partialSince: (since) => `Es sind zu viele, um alle zu zählen: Gezählt wird ab ${since}.`,
};
