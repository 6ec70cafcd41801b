// Reading documents inside the transaction of a journaled command, raw.
import { document, element, idOf, intValue, keyOf, objectValue, stringValue } from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';
import { batchOf, isOk } from './reply';
import { findParts, type FindOptions, type Lookup, type WriteCommand } from './statements';
import type { Transaction } from './transaction';

/** The statements may mean more documents than are read at once. */
export class TooMany extends Error {
  override readonly name = 'TooMany';
}

/** A read of ours failed where the command itself may not: with the server's reply to it. */
export class ReadFailed extends Error {
  override readonly name = 'ReadFailed';
  constructor(readonly reply: Buffer) {
    super('documents could not be read before their change');
  }
}

const few = 101;
const idAlone = objectValue(document([element('_id', intValue(1))]));

/** Reads of documents inside the transaction, by key of their `_id`. */
export class Images {
  constructor(
    private readonly transaction: Transaction,
    private readonly write: Pick<WriteCommand, 'database' | 'collection' | 'variables'>,
  ) {}

  /** Sends all reads at once; they are answered in the order in which they were sent. */
  async ask(all: readonly Lookup[], options: Pick<FindOptions, 'limit' | 'batch'> = {}): Promise<Buffer[]> {
    return Promise.all(all.map((lookup) => this.#find(lookup, options)));
  }

  #find(lookup: Lookup, options: FindOptions): Promise<Buffer> {
    const { database, collection, variables } = this.write;
    const named = lookup.collation === undefined && isById(lookup);
    const parts = findParts(collection, lookup, { ...options, variables: named ? undefined : variables });
    return this.transaction.send(database, parts);
  }

  async read(all: readonly Lookup[], most = Infinity): Promise<Map<string, Buffer>> {
    const images = new Map<string, Buffer>();
    const limit = Number.isFinite(most) ? most + 1 : undefined;
    // Of one lookup that brings more than a few it is asked first whether it brings too many, which are not wanted here.
    const [alone] = limit !== undefined && all.length === 1 ? all : [];
    for (const reply of await this.ask(all, { limit, batch: alone && few })) {
      if (!isOk(reply)) throw new ReadFailed(reply);
      let batch = batchOf(reply);
      if (alone && batch.cursor && (await this.#hasMore(alone, most))) throw new TooMany();
      for (;;) {
        for (const raw of batch.documents) images.set(keyOf(idOf(raw)), raw);
        if (images.size > most) throw new TooMany();
        if (!batch.cursor) break;
        batch = batchOf(await this.more(batch.cursor));
      }
    }
    return images;
  }

  async #hasMore(lookup: Lookup, most: number): Promise<boolean> {
    const extra = [element('skip', intValue(most)), element('projection', idAlone)];
    const reply = await this.#find(lookup, { limit: 1, extra });
    if (!isOk(reply)) throw new ReadFailed(reply);
    return batchOf(reply).documents.length > 0;
  }

  private async more(cursor: RawValue): Promise<Buffer> {
    const { database, collection } = this.write;
    const parts = [element('getMore', cursor), element('collection', stringValue(collection))];
    const reply = await this.transaction.send(database, parts);
    if (!isOk(reply)) throw new ReadFailed(reply);
    return reply;
  }
}

function isById({ filter }: Lookup): boolean {
  return filter.length > 9 && filter.toString('latin1', 5, 9) === '_id\0';
}

export function byKey(documents: readonly Buffer[]): Map<string, Buffer> {
  return new Map(documents.map((raw) => [keyOf(idOf(raw)), raw]));
}
