// One migration as the rules see it: its outline, its parts, and what its functions do with the database.
import type * as Babel from '@babel/types';
import type { OutlineEntry } from '../outline';
import type { ObjectValue } from '../outlineEntries';
import { kindOf } from './kinds';
import type { Lines } from './lines';
import { booleanOf, type Env, type Kind, stringOf } from './names';
import type { FunctionNode, Node } from './nodes';
import { type Facts, moduleEnv, Walker } from './walk';

export interface LintedMigration extends Facts {
  entry: OutlineEntry;
  object: ObjectValue;
  env: Env;
  text: string;
  lines: Lines;
  /** The function under a key, where it stands in this file. */
  functionAt: (key: string) => FunctionNode | undefined;
  nodeAt: (key: string) => Node | undefined;
}

const database: Kind[] = [{ type: 'db' }, { type: 'client' }, { type: 'ctx' }];

export function readMigrations(
  program: Babel.Program,
  lines: Lines,
  entries: OutlineEntry[],
  objects: ObjectValue[],
): LintedMigration[] {
  if (entries.length === 0) return [];
  const env = moduleEnv(program);
  return entries.flatMap((entry, position) => {
    const object = objects[position];
    return object ? [readMigration(entry, object, env, lines)] : [];
  });
}

function readMigration(entry: OutlineEntry, object: ObjectValue, env: Env, lines: Lines): LintedMigration {
  const nodeAt = (key: string): Node | undefined => object.properties.get(key)?.node;
  const functionAt = (key: string): FunctionNode | undefined => {
    const node = nodeAt(key);
    const kind = node && kindOf(node, env);
    return kind?.type === 'function' ? kind.node : undefined;
  };
  const walker = new Walker();
  const up = functionAt('up');
  const down = functionAt('down');
  const transaction = nodeAt('transaction');
  const whole = booleanOf(transaction, env) === true ? transaction : undefined;
  if (up) walker.walk(up, database, { env, direction: 'up', transaction: whole });
  if (down) walker.walk(down, database, { env, direction: 'down' });
  if (entry.kind !== 'script') readParts();
  return { ...walker.facts, entry, object, env, text: lines.text, lines, functionAt, nodeAt };

  function readParts(): void {
    const collection = stringOf(nodeAt('source'), env);
    const document: Kind = { type: 'document', collection };
    const transform = functionAt('transform');
    const revert = functionAt('revert');
    if (transform) walker.walk(transform, [document, { type: 'ctx' }], { env, direction: 'up' });
    if (revert) walker.walk(revert, [document, { type: 'ctx' }], { env, direction: 'down' });
    const part = (key: string): { node: Node; env: Env } | undefined => {
      const node = nodeAt(key);
      return node && { node, env };
    };
    const source = nodeAt('source');
    if (!source) return;
    walker.facts.actions.push({
      direction: 'up',
      env,
      path: [],
      method: entry.kind,
      node: source,
      where: source,
      collection,
      filter: part('filter'),
      update: part('update'),
      pipeline: part('pipeline'),
    });
  }
}
