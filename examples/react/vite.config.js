export default {
  base: './', // the page also works where the application is mounted at a path
};
