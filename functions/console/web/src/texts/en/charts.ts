export const charts = {
  title: 'Charts',
};
