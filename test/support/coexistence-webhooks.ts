interface WebhookChange {
  field: string;
  value: Record<string, unknown>;
}

const value = (phoneNumberId: string, content: object): Record<string, unknown> => ({
  messaging_product: 'whatsapp',
  metadata: { display_phone_number: '15550783881', phone_number_id: phoneNumberId },
  ...content,
});

/**
 * Changes from Meta's webhook references (`history`, `smb_app_state_sync`, `smb_message_echoes`, read 2026-11-28), and
 * messages and statuses of people who have only a business-scoped id.
 */
export const COEXISTENCE_CHANGES: { name: string; change: (phoneNumberId: string) => WebhookChange }[] = [
  {
    name: 'a chunk of the history',
    change: (phone) => ({
      field: 'history',
      value: value(phone, {
        history: [
          {
            metadata: { phase: 0, chunk_order: 1, progress: 55 },
            threads: [
              {
                id: '16505551234',
                messages: [
                  {
                    from: '15550783881',
                    to: '16505551234',
                    id: 'wamid.HBgLMTY0NjcwNDM1OTUVAgARGBIyNDlBOEI5QUQ4NDc0N0FCNjMA',
                    timestamp: '1739230955',
                    type: 'text',
                    text: { body: 'Hello' },
                    history_context: { status: 'READ' },
                  },
                  { id: 'wamid.QyNUEHBgL', timestamp: '1739230970', type: 'media_placeholder' },
                ],
              },
            ],
          },
        ],
      }),
    }),
  },
  {
    name: 'the media of the history',
    change: (phone) => ({
      field: 'history',
      value: value(phone, {
        messages: [{ from: '16505551234', id: 'wamid.QyNUEHBgL', type: 'image', image: { id: '24230790383178626' } }],
      }),
    }),
  },
  {
    name: 'a history that its owner does not share',
    change: (phone) => ({
      field: 'history',
      value: value(phone, { history: [{ errors: [{ code: 2593109, title: 'History sync is turned off' }] }] }),
    }),
  },
  {
    name: 'a contact',
    change: (phone) => ({
      field: 'smb_app_state_sync',
      value: value(phone, {
        state_sync: [
          {
            type: 'contact',
            contact: { full_name: 'Pablo Morales', first_name: 'Pablo', phone_number: '16505551234' },
            action: 'add',
            metadata: { timestamp: '1739321024' },
          },
        ],
      }),
    }),
  },
  {
    name: 'a message sent in the app',
    change: (phone) => ({
      field: 'smb_message_echoes',
      value: value(phone, {
        message_echoes: [
          { from: '15550783881', to: '16505551234', id: 'wamid.A', timestamp: '1739321024', type: 'text', text: {} },
        ],
      }),
    }),
  },
  {
    name: 'a message from a business-scoped id',
    change: (phone) => ({
      field: 'messages',
      value: value(phone, {
        contacts: [{ profile: { name: 'Ana', username: 'ana' }, user_id: 'US.13491208655302741918' }],
        messages: [{ from_user_id: 'US.13491208655302741918', id: 'wamid.B', timestamp: '1739321024', type: 'text' }],
      }),
    }),
  },
  {
    name: 'a status for a business-scoped id',
    change: (phone) => ({
      field: 'messages',
      value: value(phone, {
        statuses: [{ recipient_user_id: 'US.13491208655302741918', id: 'wamid.C', status: 'read' }],
      }),
    }),
  },
];
