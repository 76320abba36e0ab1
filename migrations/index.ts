export { CreateVault1764000000000 } from './1764000000000-CreateVault.ts';
export { Lifecycle1764000100000 } from './1764000100000-Lifecycle.ts';
export { EventDeliveries1764000200000 } from './1764000200000-EventDeliveries.ts';
export { KeyRewrap1764000300000 } from './1764000300000-KeyRewrap.ts';
export { Webhooks1764000400000 } from './1764000400000-Webhooks.ts';
export { ConnectionFacts1764000540000 } from './1764000540000-ConnectionFacts.ts';
export { AuditProofs1764000550000 } from './1764000550000-AuditProofs.ts';
export { PaceTurns1764000710000 } from './1764000710000-PaceTurns.ts';
