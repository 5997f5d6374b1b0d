export const redrives = {
  title: 'Redrives',
};
