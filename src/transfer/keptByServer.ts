// A range of a pipeline whose documents never come here: the server keeps them as they are (serverImages.ts) and
// changes them. What comes are their `_id`s, for the checkpoint.
import type { ReadConcernLike } from 'mongodb';
import { rawPipeline, readRange } from './command';
import { TryAgain } from './errors';
import { isRepeatable } from './repeatable';
import { ServerImages } from './serverImages';
import { defaultLanes } from './sessions';
import type { Stage, StageParts } from './stage';
import type { Batch } from './source';
import type { Around, Attempt, Job, Outcome } from './work';

type SendGrouped = (batch: Batch, attempt: Attempt) => Promise<{ modified: number }>;

type Parts = Pick<StageParts, 'options' | 'source' | 'target' | 'journal' | 'retry'>;

export class KeptByServer implements Around {
  private constructor(
    private readonly parts: Parts,
    private readonly images: ServerImages,
  ) {}

  /** Undefined where the outcome could not be told again, or the server cannot do it. */
  static async of(parts: Parts): Promise<KeptByServer | undefined> {
    const { journal, options, source, retry } = parts;
    if (!journal || retry || options.change.kind !== 'pipeline') return undefined;
    if (!isRepeatable(rawPipeline(options.change.update))) return undefined;
    const images = await ServerImages.of(source, options.lanes ?? defaultLanes, options.filter);
    return images && new KeptByServer(parts, images);
  }

  /** Documents of a range. */
  get size(): number {
    return this.images.size;
  }

  async begin(job: Job): Promise<ReadConcernLike | undefined> {
    const { journal, options, target } = this.parts;
    if (options.change.kind !== 'pipeline' || !journal || !this.images.works) return undefined;
    if (job.keptByServer || job.oneByOne || job.failed.size > 0) return undefined;
    const attempt = job.journaled++;
    const row = journal.imageRow(job.range.key, target.collectionName, options.change.update, attempt);
    job.keptByServer = true;
    job.images = row;
    return this.images.take(row, job.range);
  }

  failed(job: Job, error: unknown): Promise<boolean> {
    return this.images.failed(job, error);
  }

  /** The attempt whose images have been taken. */
  async work(attempt: Attempt, stage: Stage, sendGrouped: SendGrouped): Promise<Outcome> {
    const { source, options } = this.parts;
    const { job, session } = attempt;
    const { range, images } = job;
    const { limit } = stage;
    const documents = await readRange(source, {
      min: range.from,
      max: range.to,
      filter: options.filter,
      projection: { _id: 1 },
      limit: limit + 1,
      session,
    });
    await attempt.crashPoint('after-read');
    if (documents.length > limit) throw new TryAgain();
    const bytes = documents.length * this.images.documentBytes;
    const batch: Batch = { documents, bytes, rest: [], to: range.to };
    if (documents.length > 0) {
      const { modified } = await sendGrouped(batch, attempt);
      await this.images.verify(images!, documents.length);
      await images!.confirm(session!, modified);
    }
    await attempt.crashPoint('after-journal');
    return stage.outcome(batch, { processed: documents.length, failed: [] }, attempt);
  }
}
