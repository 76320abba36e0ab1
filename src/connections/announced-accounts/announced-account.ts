/** A WhatsApp Business Account that Meta announced to our app: somebody completed a signup for it. */
export interface AnnouncedAccount {
  wabaId: string;
  /** The portfolio that owns it, where Meta named it. */
  businessId: string | null;
  announcedAt: Date;
  /** When subscribers were told of it last. */
  reportedAt: Date | null;
}
