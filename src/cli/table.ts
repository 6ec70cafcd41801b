// A plain table: columns padded to their widest cell, no borders, so that it can be read and cut by other programs.
import { stripVTControlCharacters } from 'node:util';

export function renderTable(header: string[], rows: string[][]): string[] {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => width(row[column] ?? ''))),
  );
  return [header, ...rows].map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell))))
      .join('  ')
      .trimEnd(),
  );
}

/** Colours take no room. */
function width(text: string): number {
  return stripVTControlCharacters(text).length;
}
