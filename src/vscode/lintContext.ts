// What lint is told about a file beside its text: levels from the settings and the config, and what the connection of the
// file has answered already. Asks nobody.
import { basename } from 'node:path';
import type { LintContext } from '../migration/lint/finding';
import type { LintLevel, LintLevels } from '../migration/lint/rules';
import type { StatusResult } from '../protocol/runner';
import type { MigrationRow } from './rows';

export interface Known {
  file: string;
  /** Levels by rule; the later ones win. */
  levels: readonly (Readonly<Record<string, unknown>> | undefined)[];
  database: string | undefined;
  status: StatusResult | undefined;
  /** Of the folder, with what the status says where there is one. */
  rows: readonly MigrationRow[];
  /** Paths of all files of the folder. */
  files: readonly string[];
}

export function lintContext({ file, levels, database, status, rows, files }: Known): LintContext {
  const own = rows.filter((row) => row.file === file && row.nameKnown);
  const named = (suits: (row: MigrationRow) => boolean): Set<string> =>
    new Set(own.filter(suits).map(({ name }) => name));
  const digits = /^\d*/.exec(basename(file))?.[0] ?? '';
  const names = files.map((path) => basename(path));
  return {
    levels: Object.assign({}, ...levels.map(validLevels)) as LintLevels,
    serverVersion: status?.server.version,
    database,
    changed: named(({ state }) => state === 'changed'),
    outOfOrder: named(({ state }) => state === 'out-of-order'),
    duplicates: named(({ duplicate }) => duplicate),
    // Only those that could be of the same version.
    files: digits === '' ? [] : names.filter((name) => name.startsWith(digits)),
  };
}

const known: readonly unknown[] = ['off', 'warn', 'error'] satisfies LintLevel[];

/** A setting may hold anything; the editor underlines what is wrong in it. */
function validLevels(levels: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(levels ?? {}).filter(([, level]) => known.includes(level)));
}
