// Reading documents inside the transaction of a journaled command, raw.
import { element, idOf, keyOf, stringValue } from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';
import { batchOf, isOk } from './reply';
import { findParts, type Lookup, type WriteCommand } from './statements';
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

/** Reads of documents inside the transaction, by key of their `_id`. */
export class Images {
  constructor(
    private readonly transaction: Transaction,
    private readonly write: Pick<WriteCommand, 'database' | 'collection' | 'variables'>,
  ) {}

  /** Sends all reads at once; they are answered in the order in which they were sent. */
  async ask(all: readonly Lookup[], limit?: number): Promise<Buffer[]> {
    const { database, collection, variables } = this.write;
    return Promise.all(
      all.map((lookup) =>
        this.transaction.send(
          database,
          findParts(collection, lookup, {
            limit,
            variables: lookup.collation === undefined && isById(lookup) ? undefined : variables,
          }),
        ),
      ),
    );
  }

  async read(all: readonly Lookup[], most = Infinity): Promise<Map<string, Buffer>> {
    const images = new Map<string, Buffer>();
    const limit = Number.isFinite(most) ? most + 1 : undefined;
    for (const reply of await this.ask(all, limit)) {
      if (!isOk(reply)) throw new ReadFailed(reply);
      let batch = batchOf(reply);
      for (;;) {
        for (const raw of batch.documents) images.set(keyOf(idOf(raw)), raw);
        if (images.size > most) throw new TooMany();
        if (!batch.cursor) break;
        batch = batchOf(await this.more(batch.cursor));
      }
    }
    return images;
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
