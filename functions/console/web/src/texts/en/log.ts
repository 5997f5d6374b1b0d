export const log = {
  title: 'Event log',
};
