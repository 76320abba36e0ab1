export { CreateVault1764000000000 } from './1764000000000-CreateVault.ts';
