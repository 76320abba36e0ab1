/** Names of the pages, in the navigation and as titles of the window. */
export const PAGE_NAMES = {
  overview: 'Overview',
  connections: 'Connections',
  connection: 'Connection',
};
