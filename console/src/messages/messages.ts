import type { MESSAGES } from './en.ts';

/** English defines which messages exist: a language that lacks one does not compile. */
export type Messages = typeof MESSAGES;

/** Puts values into a message. Throws for a placeholder without a value. */
export function fill(message: string, values: Readonly<Record<string, string | number>>): string {
  return message.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`The message has no value for {${name}}: ${message}`);
    return String(value);
  });
}
