// `$out` and `$merge` at the end of a script's aggregation: its results are staged beside the target first, and then
// brought into it by the kernel, range by range with a journal. The target stays the collection that it was.
import { DoorRefusal, type DoorCommand } from '../../wire/door';
import { BSON, type Db, type Document } from 'mongodb';
import { DocumentError } from '../../transfer/errors';
import {
  arrayValue,
  document,
  element,
  elements,
  idOf,
  intValue,
  objectValue,
  stringValue,
} from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';
import { transferPipeline } from '../../transfer/transfer';
import { indexesOf } from './collectionFacts';
import { createForWrite, type Keeper } from './keeper';
import type { OwnWrites } from './ownWrites';
import { Answer } from './progress';
import { documentIn, isOk, numberIn, withElements } from './reply';
import { byIds, type Statement, type WriteCommand } from './statements';
import { asBuffer } from './transaction';
import { hangUp } from './failures';
import { writeParts } from './withoutTransactions';

interface Output {
  kind: '$out' | '$merge';
  database: string;
  collection: string;
  /** Of a `$merge`. */
  rules: Document;
}

const together = 1000;
/** Results without an `_id` of their own stay so, and keep their order. */
const wrapped: Document[] = [{ $project: { _id: 0, result: '$$ROOT' } }];

export class Outputs {
  constructor(
    private readonly keeper: Keeper,
    private readonly writes: OwnWrites,
  ) {}

  /** The reply, or undefined where the command may go on as it is. */
  async run(command: DoorCommand): Promise<Uint8Array | undefined> {
    if (command.name !== 'aggregate') {
      this.keeper.passUnkept(`what "${command.name}" writes has no journal`);
      await this.keeper.rows.note('unkept', {
        database: command.target,
        collection: command.collection,
        command: command.name,
        n: 0,
      });
      return undefined;
    }
    const output = outputOf(command);
    if (!output || command.body['explain'] !== undefined) return undefined;
    try {
      return await this.#run(command, output);
    } catch (error) {
      if (error instanceof Answer) return error.reply;
      throw asRefusal(error);
    }
  }

  async #run(command: DoorCommand, output: Output): Promise<Uint8Array> {
    const { keeper } = this;
    const { database, collection, kind } = output;
    if (output.rules['let'] !== undefined || output.rules['timeseries'] !== undefined)
      throw new DoorRefusal(`Migratory cannot keep a journal of a ${kind} with these options.`, {
        code: 115,
        codeName: 'CommandNotSupported',
      });
    const db = keeper.namespaces.db(database);
    if (!(await keeper.namespaces.facts(database, collection)))
      await createForWrite(keeper, database, collection);
    let aside = '';
    const seq = await keeper.rows.note('stage', (number) => {
      aside = `_migratory_undo_${keeper.rows.runId}_${number}`;
      return { database, collection, aside };
    });
    await this.#stage(command, output, aside);
    if (kind === '$out') await this.#deleteOthers(command, output, aside);
    const context = keeper.options.context();
    const step = `${context.step}#output-${seq}`;
    await keeper.rows.note('transfer', { step, database });
    await transferPipeline({
      ...context,
      db,
      step,
      // The order of the results counts where several meet the same document.
      lanes: 1,
      collection: aside,
      into: collection,
      journal: 'journal',
      pipeline: kind === '$merge' ? [{ $replaceWith: '$result' }] : [],
      ...(kind === '$merge' ? output.rules : { whenMatched: 'replace', whenNotMatched: 'insert' }),
    });
    await db.dropCollection(aside);
    await keeper.rows.remove([seq]);
    return emptyCursor(`${command.database}.${command.collection ?? '$cmd.aggregate'}`);
  }

  /** The script's own aggregation, with another end. */
  async #stage(command: DoorCommand, { kind, database }: Output, aside: string): Promise<void> {
    const body = asBuffer(command.raw.body);
    const given = documentIn(body, 'pipeline') ?? document([]);
    const stages: RawValue[] = elements(given).map((item) => ({
      type: item.type,
      bytes: given.subarray(item.value, item.end),
    }));
    stages.pop();
    const added = [...(kind === '$merge' ? wrapped : []), { $out: { db: database, coll: aside } }];
    for (const stage of added) stages.push(objectValue(Buffer.from(BSON.serialize(stage))));
    let reply: Buffer;
    try {
      reply = asBuffer(await command.upstream.sendRaw(withElements(body, { pipeline: arrayValue(stages) })));
    } catch (error) {
      throw hangUp(error instanceof Error ? error.message : String(error));
    }
    if (!isOk(reply)) throw new Answer(reply);
  }

  /** `$out` leaves nothing of what was there before. */
  async #deleteOthers(command: DoorCommand, { database, collection }: Output, aside: string): Promise<void> {
    const db = this.keeper.namespaces.db(database);
    const isKept = [
      { $lookup: { from: aside, localField: '_id', foreignField: '_id', as: 'kept' } },
      { $match: { kept: { $size: 0 } } },
    ];
    // A value that has to be unique may go from one document to another: all have to go before the first one comes.
    const stages = [...((await hasUnique(db, collection)) ? [] : isKept), { $project: { _id: 1 } }];
    const others = db.collection(collection).aggregate(stages, { raw: true, allowDiskUse: true });
    let ids: RawValue[] = [];
    const flush = async (): Promise<void> => {
      if (ids.length > 0) await this.#delete(command, { database, collection }, ids);
      ids = [];
    };
    for await (const raw of others as unknown as AsyncIterable<Buffer>) {
      ids.push(idOf(Buffer.from(raw)));
      if (ids.length >= together) await flush();
    }
    await flush();
  }

  async #delete(
    command: DoorCommand,
    target: Pick<Output, 'database' | 'collection'>,
    ids: readonly RawValue[],
  ): Promise<void> {
    const q = byIds(ids);
    const raw = document([element('q', objectValue(q)), element('limit', intValue(0))]);
    const id = undefined;
    const statement: Statement = { raw, position: 0, q, id, many: true, upsert: false, special: false };
    const write: WriteCommand = {
      ...target,
      kind: 'delete',
      ordered: true,
      parts: [element('delete', stringValue(target.collection))],
      list: 'deletes',
      statements: [statement],
      variables: undefined,
    };
    if (this.keeper.options.transactions) await this.writes.change(command, write);
    else await writeParts(this.keeper, command, write);
  }
}

async function hasUnique(db: Db, collection: string): Promise<boolean> {
  const indexes = await indexesOf(db, collection);
  return [...indexes.values()].some((spec) => numberIn(spec, 'unique') === 1);
}

function outputOf(command: DoorCommand): Output | undefined {
  const pipeline = command.body['pipeline'];
  const last = Array.isArray(pipeline) ? (pipeline.at(-1) as Document | undefined) : undefined;
  const target = command.namespaces.find(({ access }) => access === 'write');
  if (!last || target?.collection === undefined) return undefined;
  const { target: database, collection } = target;
  if (last['$merge'] !== undefined)
    return { kind: '$merge', database, collection, rules: rulesOf(last['$merge']) };
  if (last['$out'] === undefined) return undefined;
  const out = last['$out'] as Document;
  return { kind: '$out', database, collection, rules: { timeseries: out['timeseries'] as unknown } };
}

function rulesOf(merge: unknown): Document {
  if (typeof merge !== 'object' || merge === null) return {};
  const { on, whenMatched, whenNotMatched, let: variables } = merge as Document;
  const given = { on, whenMatched, whenNotMatched, let: variables } as Document;
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** What the kernel says of a document, as the server would say it of the command. */
function asRefusal(error: unknown): unknown {
  if (!(error instanceof DocumentError)) return error;
  const code = Number((error.cause as { code?: unknown } | undefined)?.code ?? 2);
  return new DoorRefusal(error.message, { code, codeName: code === 11000 ? 'DuplicateKey' : 'BadValue' });
}

function emptyCursor(ns: string): Uint8Array {
  return BSON.serialize({ cursor: { firstBatch: [], id: BSON.Long.ZERO, ns }, ok: 1 });
}
