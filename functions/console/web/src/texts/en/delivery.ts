export const delivery = {
  title: 'Delivery',
};
