// A range of a script's update or delete whose documents the server itself puts into the script's journal
// (transfer/serverImages.ts), where the statement alone tells what it makes of them.
import { MongoServerError, type ClientSession, type ReadConcernLike } from 'mongodb';
import { rawDocument, sendWrites } from '../../transfer/command';
import { findElement, valueOf } from '../../transfer/raw';
import { isRepeatable } from '../../transfer/repeatable';
import { idsBetween, ServerImages } from '../../transfer/serverImages';
import type { Around, Job, Outcome } from '../../transfer/work';
import { foresightOf } from './foresight';
import { filterOf } from './pieces';
import type { RangeParts } from './rangeChange';
import { scriptImageRow } from './scriptImageRow';

type Parts = Pick<RangeParts, 'collection' | 'keeper' | 'write' | 'statement'>;

export class KeptByServer implements Around {
  private constructor(
    private readonly parts: Parts,
    private readonly images: ServerImages,
  ) {}

  /** Undefined where the journal could not be read without the documents after the change. */
  static async of(parts: Parts, lanes: number): Promise<KeptByServer | undefined> {
    const { write, statement, collection } = parts;
    if (write.kind === 'update' && !canBeToldAgain(statement.raw)) return undefined;
    const images = await ServerImages.of(collection, lanes, filterOf(statement));
    return images && new KeptByServer(parts, images);
  }

  /** Documents of a range, while the server keeps them. */
  get size(): number | undefined {
    return this.images.works ? this.images.size : undefined;
  }

  async begin(job: Job): Promise<ReadConcernLike | undefined> {
    const { range } = job;
    if (!this.images.works || job.keptByServer || job.oneByOne || range.ids) return undefined;
    const { keeper, write, statement } = this.parts;
    job.keptByServer = true;
    job.images = scriptImageRow(keeper.rows, write, statement.raw);
    return this.images.take(job.images, range);
  }

  failed(job: Job, error: unknown): Promise<boolean> {
    return this.images.failed(job, error);
  }

  /** @param statement for some of the `_id`s. */
  async change(
    { images, range }: Job,
    session: ClientSession,
    statement: (ids: Buffer) => Buffer,
  ): Promise<Pick<Outcome, 'bytes' | 'held'> & { n: number; modified: number }> {
    const { db, collectionName } = this.parts.collection;
    const { kind } = this.parts.write;
    const statements = [statement(rawDocument(idsBetween(range)))];
    const { n, modified, failures } = await sendWrites(db, kind, collectionName, statements, { session });
    // Which document was refused is found out, and told, by the other way.
    if (failures[0]) throw new MongoServerError({ message: failures[0].message, code: failures[0].code });
    if (n === 0) return { n, modified, bytes: 0, held: () => images!.remove() };
    await this.images.verify(images!, n);
    await images!.confirm(session, kind === 'update' ? modified : n);
    return { n, modified, bytes: n * this.images.documentBytes };
  }
}

function canBeToldAgain(statement: Buffer): boolean {
  const u = findElement(statement, 'u');
  return foresightOf(statement) !== undefined || (u !== undefined && isRepeatable(valueOf(statement, u)));
}
