// The screen is drawn while it is read: what a test expects is read again and again until it is there, and what
// was there last stands in the error when it never comes.
import { setTimeout as wait } from 'node:timers/promises';

/** How long anything on the screen may take to come, in milliseconds. */
export const patience = 30_000;
const readEveryMs = 50;

/** Reads until `suits` agrees, and answers with exactly what it agreed to. A failed reading is tried again. */
export async function eventually<T>(
  what: string,
  read: () => Promise<T>,
  suits: (value: T) => boolean,
  timeoutMs: number = patience,
): Promise<T> {
  for (const end = Date.now() + timeoutMs; ; await wait(readEveryMs)) {
    let seen: string;
    try {
      const value = await read();
      if (suits(value)) return value;
      seen = JSON.stringify(value) ?? String(value);
    } catch (error) {
      seen = String(error);
    }
    if (Date.now() > end) throw new Error(`Waited in vain for ${what}. Last seen: ${seen}`);
  }
}

/** What a text must be: exactly this, or something that matches. */
export type Expected = string | RegExp;

export function matches(text: string, expected: Expected): boolean {
  return typeof expected === 'string' ? text === expected : expected.test(text);
}

/** Blanks of the editor's own (no-break spaces, line ends) as one space. */
export function clean(text: string): string {
  return text.replace(/[\s ]+/g, ' ').trim();
}
