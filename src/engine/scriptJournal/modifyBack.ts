// Taking a collMod back: options and index settings as they were, unless somebody has changed them since.
import type { Db, Document } from 'mongodb';
import type { Conflict } from '../../transfer/types';
import { elements, nameOf } from '../../transfer/raw';
import { conflict } from './catalogueConflict';
import { createAgain, given, inCommand, indexesOf, infoOf } from './collectionFacts';
import { numberIn, textIn, valueIn, withElements } from './reply';
import { keyOf } from '../../transfer/raw';

/** What stands for an option that was not there. */
const absent: Record<string, unknown> = {
  validator: {},
  validationLevel: 'strict',
  validationAction: 'error',
  changeStreamPreAndPostImages: { enabled: false },
  recordPreImages: false,
  expireAfterSeconds: 'off',
};

/** Options that collMod knows under another name than listCollections. */
const otherNames: Record<string, string> = { size: 'cappedSize', max: 'cappedMax' };

export async function modifyBack(db: Db, collection: string, facts: Document): Promise<0 | Conflict[]> {
  const info = await infoOf(db, collection);
  if (!info) return [conflict(collection, 'it was dropped after the run')];
  const before = given(facts['before']);
  const after = facts['after'] === undefined ? info.options : given(facts['after']);
  const conflicts: Conflict[] = [];
  const command: Document = {};
  for (const name of changedNames(before, after)) {
    if (!same(info.options, after, name)) {
      if (!same(info.options, before, name))
        conflicts.push(conflict(collection, `its option ${name} was changed since`));
      continue;
    }
    const was = valueIn(before, name);
    const value = was ? (inCommand(before) as Map<string, unknown>).get(name) : absent[name];
    if (value === undefined)
      conflicts.push(conflict(collection, `its option ${name} cannot be taken away again`));
    else command[otherNames[name] ?? name] = value;
  }
  if ('viewOn' in command || 'pipeline' in command) {
    // The two go together.
    const all = inCommand(before) as Map<string, unknown>;
    Object.assign(command, { viewOn: all.get('viewOn'), pipeline: all.get('pipeline') });
  }
  if (Object.keys(command).length > 0)
    await db.command({ collMod: collection, ...command, writeConcern: { w: 'majority' } });
  conflicts.push(...(await indexesBack(db, collection, facts)));
  return conflicts.length > 0 ? conflicts : 0;
}

function changedNames(before: Buffer, after: Buffer): string[] {
  const names = new Set([before, after].flatMap((raw) => elements(raw).map((item) => nameOf(raw, item))));
  return [...names].filter((name) => !same(before, after, name));
}

function same(a: Buffer, b: Buffer, name: string): boolean {
  const [x, y] = [valueIn(a, name), valueIn(b, name)];
  return x && y ? keyOf(x) === keyOf(y) : x === y;
}

async function indexesBack(db: Db, collection: string, facts: Document): Promise<Conflict[]> {
  const list = (name: string): Map<string, Buffer> =>
    new Map(
      ((facts[name] as unknown[] | undefined) ?? []).map((spec) => [
        textIn(given(spec), 'name') ?? '',
        given(spec),
      ]),
    );
  const before = list('indexesBefore');
  const after = facts['indexesAfter'] === undefined ? undefined : list('indexesAfter');
  if (before.size === 0) return [];
  const conflicts: Conflict[] = [];
  const now = await indexesOf(db, collection);
  for (const [name, was] of before) {
    const set = after?.get(name);
    const there = now.get(name);
    if (there?.equals(was) || set?.equals(was)) continue;
    if (!there || (set && !there.equals(set))) {
      conflicts.push(conflict(collection, `its index ${name} was changed since`));
      continue;
    }
    await indexBack(db, collection, was, there);
  }
  return conflicts;
}

async function indexBack(db: Db, collection: string, was: Buffer, now: Buffer): Promise<void> {
  const name = textIn(was, 'name');
  const seconds = numberIn(was, 'expireAfterSeconds');
  const settings = { hidden: undefined, expireAfterSeconds: undefined };
  const onlySettings = withElements(was, settings).equals(withElements(now, settings));
  if (onlySettings && (seconds === undefined) === (numberIn(now, 'expireAfterSeconds') === undefined)) {
    const hidden = numberIn(was, 'hidden') === 1;
    const index = {
      name,
      ...(seconds === numberIn(now, 'expireAfterSeconds') ? {} : { expireAfterSeconds: seconds }),
      ...(hidden === (numberIn(now, 'hidden') === 1) ? {} : { hidden }),
    };
    await db.command({ collMod: collection, index, writeConcern: { w: 'majority' } });
    return;
  }
  await db.command({ dropIndexes: collection, index: name });
  await createAgain(db, collection, [was]);
}
