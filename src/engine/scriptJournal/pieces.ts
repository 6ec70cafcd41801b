// What the lanes of a large update or delete take one after the other: ranges of the `_id` index where every document
// has to be looked at anyway, and lists of `_id`s where the filter has an index.
import { BSON, ObjectId, type Collection, type Document } from 'mongodb';
import type { Feed } from '../../transfer/pump';
import { RangePlanner, type Piece, type Range } from '../../transfer/ranges';
import type { RawValue } from '../../transfer/raw';
import type { UpstreamChannel } from '../../wire/door';
import { idBatches } from './byFilter';
import type { Statement, WriteCommand } from './statements';

export async function feedOf(
  collection: Collection,
  upstream: UpstreamChannel,
  {
    write,
    statement,
    size,
    most,
  }: { write: WriteCommand; statement: Statement; size: () => number; most: () => number },
): Promise<Feed> {
  if (await looksAtAll(collection, filterOf(statement))) return new RangePlanner(collection, size, []);
  return new IdLists(idBatches(upstream, write, statement), most);
}

/** Lists of `_id`s, no longer than is wanted at the time. */
class IdLists implements Feed {
  readonly #returned: Range[] = [];
  #left: RawValue[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly batches: AsyncGenerator<RawValue[]>,
    private readonly most: () => number,
  ) {}

  /** One lane after the other: each takes from what the one before it has left. */
  next(): Promise<Range | undefined> {
    const mine = this.#turn.then(() => this.#returned.shift() ?? this.#take());
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  giveBack(...pieces: Piece[]): void {
    this.#returned.push(...pieces.map((piece) => ({ ...piece, key: new ObjectId() })));
  }

  async #take(): Promise<Range | undefined> {
    if (this.#left.length === 0) this.#left = (await this.batches.next()).value ?? [];
    const ids = this.#left.slice(0, this.most());
    this.#left = this.#left.slice(ids.length);
    return ids.length > 0 ? { key: new ObjectId(), ids } : undefined;
  }
}

export function filterOf({ q }: Statement): Document {
  return BSON.deserialize(q, { promoteValues: false, bsonRegExp: true });
}

/** Whether the server has no better way to the documents than all of them. */
async function looksAtAll(collection: Collection, filter: Document): Promise<boolean> {
  if (Object.keys(filter).length === 0) return true;
  try {
    const plan = await collection.db.command({
      explain: { find: collection.collectionName, filter },
      verbosity: 'queryPlanner',
    });
    return hasStage(plan['queryPlanner'], 'COLLSCAN');
  } catch {
    // Without a plan the filter finds its own way.
    return false;
  }
}

function hasStage(plan: unknown, stage: string): boolean {
  if (typeof plan !== 'object' || plan === null) return false;
  const { winningPlan, rejectedPlans: _, ...rest } = plan as Document;
  if (winningPlan !== undefined) return hasStage(winningPlan, stage);
  return rest['stage'] === stage || Object.values(rest).some((inner) => hasStage(inner, stage));
}
