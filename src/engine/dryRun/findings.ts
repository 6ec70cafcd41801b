// What a rehearsal changed: every touched collection compared with its pristine copy.
import type { Db, Document } from 'mongodb';
import type { CollectionReport, DryRunReport } from '../../protocol/events';
import { quarantineCollection } from '../../transfer/quarantine';
import { documents } from '../checks/check';
import { compareCollections, type Comparison } from './compare';
import type { Scratch } from './scratch';
import { compareStructure, type StructureChanges } from './structure';

/** Differences that a report shows for each collection. */
const keptDiffs = 20;

export interface Findings {
  collections: CollectionReport[];
  diffs: DryRunReport['diffs'];
  refusedByValidator: number;
  changedDocuments: number;
  grownBytes: number;
  warnings: string[];
}

/**
 * Compares everything that was touched, or has come into being, with what it was.
 * @param own the run's database; collections of others are named with their database.
 * @param step whose quarantine is looked at.
 */
export async function inspect(scratch: Scratch, own: string, step: string): Promise<Findings> {
  const found: Findings = {
    collections: [],
    diffs: [],
    refusedByValidator: await countQuarantined(scratch.database(own), step),
    changedDocuments: 0,
    grownBytes: 0,
    warnings: [],
  };
  for (const { database, collection, comparison, structure } of await differences(scratch)) {
    const { scanned, changed, inserted, deleted, grownBytes } = comparison;
    const name = database === own ? collection : `${database}.${collection}`;
    found.collections.push({ collection: name, scanned, changed, inserted, deleted, ...structure });
    found.diffs.push(...comparison.diffs.map((diff) => ({ collection: name, ...diff })));
    found.changedDocuments += changed + inserted + deleted;
    found.grownBytes += grownBytes;
    found.refusedByValidator += await countRefused(scratch, database, collection);
  }
  if (found.refusedByValidator > 0) {
    const refused = documents(found.refusedByValidator);
    found.warnings.push(`${refused} would not pass the collection's validator.`);
  }
  return found;
}

/** Documents that stayed as they were, since the validator refused what they were to become. */
function countQuarantined(db: Db, step: string): Promise<number> {
  return db.collection(quarantineCollection).countDocuments({ step, reason: /^Document failed validation/ });
}

async function countRefused(scratch: Scratch, database: string, collection: string): Promise<number> {
  const db = scratch.database(database);
  const [info] = await db.listCollections({ name: collection }).toArray();
  const validator = (info as { options?: Document } | undefined)?.options?.['validator'] as
    Document | undefined;
  return validator ? db.collection(collection).countDocuments({ $nor: [validator] }) : 0;
}

export interface Difference {
  database: string;
  collection: string;
  comparison: Comparison;
  structure: StructureChanges;
}

export async function differences(scratch: Scratch, keep: number = keptDiffs): Promise<Difference[]> {
  const found: Difference[] = [];
  for (const touched of await scratch.touched()) {
    const { database, collection } = touched;
    const [pristine, current] = [scratch.pristine(database), scratch.database(database)];
    const views = touched.type === 'view' || (await isView(current, collection));
    const comparison = views ? nothing : await compareCollections(pristine, current, collection, keep);
    const structure = await compareStructure(touched, current);
    found.push({ database, collection, comparison, structure });
  }
  return found;
}

/** What a view shows is compared where it is stored. */
const nothing: Comparison = { scanned: 0, changed: 0, inserted: 0, deleted: 0, grownBytes: 0, diffs: [] };

async function isView(db: Db, name: string): Promise<boolean> {
  const [info] = await db.listCollections({ name }).toArray();
  return info?.type === 'view';
}

export function isSame({ comparison, structure }: Difference): boolean {
  const { changed, inserted, deleted } = comparison;
  return changed + inserted + deleted + structure.indexes.length + structure.options.length === 0;
}
