/**
 * A WhatsApp Business Account announced by Meta: someone completed a signup for it (docs/meta-facts.md#partner_added).
 */
export interface AnnouncedAccount {
  wabaId: string;
  /** The portfolio that owns it, if Meta named one. */
  businessId: string | null;
  /** The app that it was announced to; null: the environment's. */
  appId: string | null;
  announcedAt: Date;
  /** When subscribers were last notified. */
  reportedAt: Date | null;
}
