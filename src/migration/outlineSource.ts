// From text to outline for every language a migration can be written in. Pure and cheap enough for code lenses;
// what it cannot read it leaves open (`complete: false`) for whoever loads the file.
import { extname } from 'node:path';
import type { Outline } from './outline';
import { outlineJavaScript } from './outlineJavaScript';
import { outlinePython } from './outlinePython';

/** Longer texts (UTF-16 units) are not parsed: an editor must never wait a second for its lenses. */
const longestText = 2_000_000;

/**
 * The migrations in `text`, by its file name's extension (a path will do). Never throws: a text that does not
 * parse gives an `error`, one that is too long or too deep to look into gives an incomplete outline.
 */
export function outlineSource(text: string, fileName: string): Outline {
  if (text.length > longestText) return { entries: [], complete: false };
  try {
    return extname(fileName) === '.py' ? outlinePython(text, fileName) : outlineJavaScript(text, fileName);
  } catch {
    // The parsers recurse: only a text nested thousands of levels deep gets here (RangeError).
    return { entries: [], complete: false };
  }
}
