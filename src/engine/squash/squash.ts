// `squash`: many applied migrations become one file that makes of an empty database what they have made of it. Both are
// run, each on empty scratch databases, and have to come to the same; only then is anything written.
import { randomBytes } from 'node:crypto';
import { unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { sourceChecksum } from '../../migration/checksum';
import { moduleSystemOf } from '../../migration/projectFolder';
import { UserError } from '../../protocol/errors';
import type { CatalogueEntry } from '../catalogue';
import { underLease } from '../lease';
import { markedEntry } from '../ledgerEntry';
import { loadFile } from '../loadFile';
import type { MigrationSet } from '../migrationSet';
import { refuseReadOnly } from '../readOnly';
import { lastOf } from '../replaced';
import { newRunId } from '../runDocument';
import { openLedger } from '../scope';
import { type ProjectState, readState } from '../selection';
import { chooseSquashed, type SquashChoice } from './choose';
import { compareShapes } from './compare';
import { type Move, type Place, placeFor, putInPlace, refuseTaken } from './place';
import { renderSquashed } from './render';
import { replay, type ReplayOptions } from './replay';
import type { Shape } from './shape';

export interface SquashOptions extends Omit<ReplayOptions, 'set'> {
  /** The project's migrations, read anew at each call: what a module remembers of one replay is not for the next. */
  sets: (this: void) => MigrationSet;
  choice: SquashChoice;
  /** A part of the new file's name. */
  description: string;
  /** Only shows what would be written. */
  look: boolean;
  /** Told of what is done next. */
  tell: (this: void, what: string) => void;
}

export interface Squashed {
  name: string;
  /** Absolute path of the new file. */
  file: string;
  text: string;
  /** The migrations that became one. */
  squashed: string[];
  moves: Move[];
  collections: { name: string; type: string; documents: number; indexes: number }[];
  /** Fields that come out different at every run: the file holds what one run has made. */
  generated: string[];
}

/** @throws UserError when something stands in the way; everything is as it was then. */
export async function squash(options: SquashOptions): Promise<Squashed> {
  const { connection, settings, look } = options;
  if (!look) refuseReadOnly(connection);
  const project = { connection, settings, set: options.sets() };
  const state = await readState(project);
  const entries = chooseSquashed(state, options.choice);
  const place = placeOf(entries, state, options.description);
  await refuseTaken(place);
  refuseImported(entries, state);
  const proven = await prove(options, entries, place);
  if (!look) {
    const id = newRunId();
    await underLease(connection.db, id, () => commit(options, entries, { ...place, text: proven.text }, id));
  }
  return { ...proven, name: basename(place.file), ...place, squashed: entries.map(({ name }) => name) };
}

function placeOf(
  entries: CatalogueEntry[],
  { entries: all, rows }: ProjectState,
  description: string,
): Place {
  const files = [...new Set(entries.map(({ file }) => file))];
  const next = all.find(
    ({ file, name }) => !files.includes(file) && !entries.some((one) => one.name === name),
  );
  const taken = new Set([...all, ...rows].map(({ name }) => name));
  return placeFor(files, next?.file, description, taken);
}

/** The files go to another folder: what others import from them would be gone. */
function refuseImported(entries: readonly CatalogueEntry[], { entries: all }: ProjectState): void {
  const going = new Set(entries.map(({ file }) => file));
  for (const file of going) {
    const stem = basename(file, extname(file)).replace(/[\\^$.|?*+()[\]{}/]/g, '\\$&');
    const named = new RegExp(`['"\`]\\.{1,2}/(?:[^'"\`]*/)?${stem}(?:\\.[cm]?[jt]s)?['"\`]`);
    const user = all.find((entry) => !going.has(entry.file) && named.test(entry.source.toString('utf8')));
    if (user)
      throw new UserError(
        `"${user.name}" uses ${basename(file)}, which would go away. Put what they share into a file of its own.`,
      );
  }
}

type Proven = Pick<Squashed, 'text' | 'collections' | 'generated'>;

async function prove(
  { sets, tell, ...options }: SquashOptions,
  entries: CatalogueEntry[],
  place: Place,
): Promise<Proven> {
  const silent = { ...options, hooks: {} };
  tell(`Runs ${entries.length} migrations on an empty scratch database.`);
  const old = await replay({ ...options, set: sets() }, entries);
  try {
    tell('Runs them once more, to see what comes out different every time.');
    const again = await replay({ ...silent, set: sets() }, entries);
    const { generated, different } = compareShapes(old.shape, again.shape);
    await again.close();
    if (different.length > 0) throw changesEveryTime(different);
    const text = await textOf(options, entries, old.shape, place, sets().root);
    tell(`Runs ${basename(place.file)} on another one.`);
    await proveText(silent, sets(), { text, place, old: old.shape });
    const collections = old.shape.collections.map(({ name, type, documents, indexes }) => ({
      name,
      type,
      documents: documents.length,
      indexes: indexes.length,
    }));
    return { text, collections, generated };
  } finally {
    await old.close();
  }
}

async function textOf(
  { settings }: Pick<SquashOptions, 'settings'>,
  entries: CatalogueEntry[],
  shape: Shape,
  { file }: Place,
  root: string,
): Promise<string> {
  const extension = extname(file);
  const typescript = extension.endsWith('ts');
  const system = extension === '.js' ? await moduleSystemOf(dirname(file), root) : 'esm';
  return renderSquashed(shape.collections, {
    typescript,
    moduleSystem: extension === '.cjs' ? 'commonjs' : system,
    replaces: standsFor(entries),
    ledgers: [settings.ledger, ...(settings.lock ? [settings.lock.collection] : [])],
  });
}

/** A squashed one among them hands on what it stands for. */
function standsFor(entries: readonly CatalogueEntry[]): string[] {
  return entries.flatMap(({ name, replaces = [] }) => (replaces.length > 0 ? replaces : [name]));
}

/** Runs the new file, from where it is going to stand, and compares with what the old ones have made. */
async function proveText(
  options: Omit<ReplayOptions, 'set'>,
  set: MigrationSet,
  { text, place, old }: { text: string; place: Place; old: Shape },
): Promise<void> {
  const name = basename(place.file);
  const hidden = join(dirname(place.file), `.squash-${randomBytes(6).toString('hex')}${extname(name)}`);
  await writeFile(hidden, text, { flag: 'wx', mode: 0o600 });
  try {
    const { root } = set;
    const only: MigrationSet = {
      ...set,
      load: async () => (await loadFile(hidden, { root, name }))[0]!,
    };
    const made = await replay({ ...options, set: only }, [entryOf(name, hidden, text)]);
    const { generated, different } = compareShapes(old, made.shape);
    await made.close();
    const lost = [...different, ...generated];
    if (lost.length > 0)
      throw new UserError(
        `What the migrations make cannot be written as one: ${lost.join(', ')} would come out different. Nothing was squashed.`,
      );
  } finally {
    await unlink(hidden);
  }
}

function entryOf(name: string, file: string, text: string, replaces?: string[]): CatalogueEntry {
  const source = Buffer.from(text, 'utf8');
  const checksum = sourceChecksum(source);
  return { name, kind: 'script', file, index: 0, hasDown: false, requires: [], checksum, source, replaces };
}

async function commit(
  { connection, settings, sets }: SquashOptions,
  entries: CatalogueEntry[],
  { text, ...place }: Place & { text: string },
  id: string,
): Promise<void> {
  const now = await readState({ connection, settings, set: sets() });
  const same = entries.every(({ name, checksum }) => {
    const applied = now.statuses.some((status) => status.name === name && status.state === 'applied');
    return applied && now.entries.some((entry) => entry.name === name && entry.checksum === checksum);
  });
  if (!same) throw new UserError('The migrations have changed meanwhile. Nothing was squashed.');
  const name = basename(place.file);
  const ledger = openLedger(connection.db, settings);
  const entry = entryOf(name, place.file, text, standsFor(entries));
  const appliedAt =
    lastOf(
      entries.map((one) => one.name),
      now.rows,
    ) ?? undefined;
  await putInPlace(
    place,
    text,
    () => ledger.record({ ...markedEntry(entry, id, new Date()), appliedAt }),
    () => ledger.remove(name),
  );
}

function changesEveryTime(different: string[]): UserError {
  return new UserError(
    `The migrations do not come to the same at every run: ${different.join(', ')} came out different. Nothing was squashed.`,
    { action: { label: 'Squash those before it', cli: 'migratory squash --to NAME' } },
  );
}
