// Copying, and showing for a moment that it was done.
import type { Page } from './parts';

const shownMs = 1500;
let copied: string | undefined;

/** @param key by which the button asks `isCopied`; the text itself where that is short. */
export async function copy(page: Page, text: string, key: string = text): Promise<void> {
  await navigator.clipboard.writeText(text);
  copied = key;
  page.update(() => ({}));
  setTimeout(() => {
    if (copied === key) copied = undefined;
    page.update(() => ({}));
  }, shownMs);
}

export function isCopied(key: string): boolean {
  return copied === key;
}
