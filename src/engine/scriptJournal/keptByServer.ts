// A range of a script's update or delete whose documents the server itself puts into the script's journal
// (transfer/serverImages.ts), where the statement alone tells what it makes of them.
import { MongoServerError, type ClientSession, type Collection } from 'mongodb';
import { rawDocument, sendWrites } from '../../transfer/command';
import type { ImageRow } from '../../transfer/imageRow';
import type { Bounds } from '../../transfer/ranges';
import { findElement, valueOf } from '../../transfer/raw';
import { isRepeatable } from '../../transfer/repeatable';
import { idsBetween, ServerImages } from '../../transfer/serverImages';
import { inTransaction } from '../../transfer/transaction';
import { foresightOf } from './foresight';
import type { Keeper } from './keeper';
import { filterOf } from './pieces';
import { scriptImageRow } from './scriptImageRow';
import type { Statement, WriteCommand } from './statements';

export interface Kept {
  n: number;
  modified: number;
}

export class KeptByServer {
  private constructor(
    private readonly collection: Collection,
    private readonly keeper: Keeper,
    private readonly parts: { write: WriteCommand; statement: Statement },
    private readonly images: ServerImages,
  ) {}

  /** Undefined where the journal could not be read without the documents after the change. */
  static async of(
    collection: Collection,
    keeper: Keeper,
    parts: { write: WriteCommand; statement: Statement },
  ): Promise<KeptByServer | undefined> {
    if (parts.write.kind === 'update' && !canBeToldAgain(parts.statement.raw)) return undefined;
    const images = await ServerImages.of(collection, filterOf(parts.statement));
    return images && new KeptByServer(collection, keeper, parts, images);
  }

  /** Documents of a range. */
  get size(): number {
    return this.images.size;
  }

  /** @returns undefined if it has to be done in another way; nothing of it holds then. */
  async change(
    session: ClientSession,
    bounds: Bounds,
    statement: (ids: Buffer) => Buffer,
  ): Promise<Kept | undefined> {
    if (!this.images.works) return undefined;
    const { write, statement: whole } = this.parts;
    const row = scriptImageRow(this.keeper.rows, write, whole.raw);
    try {
      const seen = await this.images.take(row, bounds);
      const ids = rawDocument(idsBetween(bounds));
      const kept = await inTransaction(
        session,
        () => this.#send(session, row, statement(ids)),
        undefined,
        seen,
      );
      if (kept.n === 0) await row.remove();
      return kept;
    } catch (error) {
      if (await this.images.failed(row, error)) return undefined;
      throw error;
    }
  }

  async #send(session: ClientSession, row: ImageRow, statement: Buffer): Promise<Kept> {
    const { db, collectionName } = this.collection;
    const { kind } = this.parts.write;
    const { n, modified, failures } = await sendWrites(db, kind, collectionName, [statement], { session });
    // Which document was refused is found out, and told, by the other way.
    if (failures[0]) throw new MongoServerError({ message: failures[0].message, code: failures[0].code });
    if (n === 0) return { n, modified };
    await this.images.verify(row, n);
    await row.confirm(session, kind === 'update' ? modified : n);
    return { n, modified };
  }
}

function canBeToldAgain(statement: Buffer): boolean {
  const u = findElement(statement, 'u');
  return foresightOf(statement) !== undefined || (u !== undefined && isRepeatable(valueOf(statement, u)));
}
