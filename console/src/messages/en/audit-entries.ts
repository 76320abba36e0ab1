export const AUDIT_ENTRIES = {
  at: 'When',
  action: 'Action',
  actor: 'Who',
  details: 'Details',
  none: 'No entries.',
  actors: {
    client: 'Client',
    browser: 'Browser',
    person: 'Person',
    meta: 'Meta',
    operator: 'Operator',
    system: 'Metavault',
  },
};
