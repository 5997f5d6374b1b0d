export const operator = {
  title: 'Console',
};
