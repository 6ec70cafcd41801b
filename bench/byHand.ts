// How fast a journaled write of a script could be at best: the same commands that the door sends, raw on raw connections,
// with no driver, no plan and nothing else around them, beside the bare write.
// Usage: npx tsx bench/byHand.ts [documents=20000] [rounds=11]
import { MongoClient } from 'mongodb';
import { isOk, documentIn, numberIn, valueIn } from '../src/engine/scriptJournal/reply';
import { OwnSession, type Transaction } from '../src/engine/scriptJournal/transaction';
import {
  arrayValue,
  binaryValue,
  boolValue,
  document,
  element,
  intValue,
  objectValue,
  stringValue,
  type RawValue,
} from '../src/transfer/raw';
import { Upstream, connectUpstream } from '../src/wire/upstream';
import { startReplicaSet } from '../tools/servers/mongod';
import { Processors } from './processors';
import { median } from './median';

const [documents = 20_000, rounds = 11] = process.argv.slice(2).map(Number);
/** Single updates of a round. */
const singles = 250;
/** Documents of a range. */
const range = 5000;

const object = (fields: Record<string, RawValue>): RawValue =>
  objectValue(document(Object.entries(fields).map(([name, value]) => element(name, value))));
const parts = (fields: Record<string, RawValue>): Buffer[] =>
  Object.entries(fields).map(([name, value]) => element(name, value));
const target = stringValue('rows');
const journal = stringValue('journal');
const byId = object({ _id: intValue(1) });

/** One connection without a driver. */
class Hand {
  readonly #session = new OwnSession();
  readonly #upstream: Upstream;
  static #rows = 0;

  private constructor(upstream: Upstream) {
    this.#upstream = upstream;
  }

  static async to(port: number): Promise<Hand> {
    const socket = await connectUpstream({ host: '127.0.0.1', port });
    return new Hand(new Upstream(socket, 'server', () => undefined));
  }

  close(): void {
    this.#upstream.socket.destroy();
  }

  /** The update alone, not even to be tried again. */
  async bareUpdate(id: number): Promise<void> {
    const statement = document(parts({ q: object({ _id: intValue(id) }), u: addOne }));
    const body = document(parts({ update: target, $db: stringValue('bench') }));
    const sequences = [{ identifier: 'updates', documents: [statement] }];
    checked(Buffer.from(await this.#upstream.sendRaw(body, sequences)), 1);
  }

  /** Changed and handed over as it was, then its journal and the commit. */
  async keptUpdate(id: number): Promise<void> {
    const transaction = this.#session.begin(this.#upstream);
    const query = object({ _id: intValue(id) });
    const reply = await transaction.send('bench', parts({ findAndModify: target, query, update: addOne }));
    const image = documentIn(reply, 'value');
    if (!image) throw new Error('the document is not there');
    await this.#end(transaction, image);
  }

  /** A range: the documents as they are, then the update, the bytes that were read, and the commit in one go. */
  async keptRange(from: number, seen: number): Promise<void> {
    const transaction = this.#session.begin(this.#upstream);
    const filter = object({
      $and: arrayValue([
        object({ _id: object({ $gte: intValue(from), $lt: intValue(from + range) }) }),
        object({ n: object({ $gte: intValue(0) }) }),
      ]),
    });
    const batch = { limit: intValue(range), batchSize: intValue(range) };
    const read = await transaction.send('bench', parts({ find: target, filter, hint: byId, ...batch }));
    const images = valueIn(documentIn(read, 'cursor')!, 'firstBatch')!;
    const u = object({ $set: object({ seen: intValue(seen) }) });
    const statement = document(parts({ q: filter, u, multi: boolValue(true), hint: byId }));
    const sent = transaction.send('bench', parts({ update: target }), {
      identifier: 'updates',
      documents: [statement],
    });
    const [reply] = await Promise.all([sent, this.#end(transaction, images.bytes as Buffer)]);
    checked(reply, Math.min(range, documents - from));
  }

  async #end(transaction: Transaction, image: Buffer): Promise<void> {
    const row = document(parts({ _id: intValue(Hand.#rows++), data: binaryValue(image) }));
    const kept = transaction.send('bench', parts({ insert: journal }), {
      identifier: 'documents',
      documents: [row],
    });
    const [inserted, committed] = await Promise.all([kept, transaction.commit()]);
    checked(inserted, 1);
    if (!isOk(committed)) throw new Error('the commit failed');
  }
}

const addOne = object({ $inc: object({ n: intValue(1) }) });

function checked(reply: Buffer, n: number): void {
  if (!isOk(reply) || numberIn(reply, 'n') !== n) throw new Error('a command did not do what it should');
}

async function main(): Promise<void> {
  const server = await startReplicaSet({ cacheGB: 'own' });
  const client = await MongoClient.connect(server.uri);
  const hands = await Promise.all([0, 1].map(() => Hand.to(server.ports[0]!)));
  try {
    const rows = client.db('bench').collection<{ _id: number; n: number }>('rows');
    const text = 'lorem ipsum dolor sit amet '.repeat(24);
    for (let at = 0; at < documents; at += 5000) {
      const count = Math.min(5000, documents - at);
      await rows.insertMany(Array.from({ length: count }, (_, i) => ({ _id: at + i, text, n: i % 100 })));
    }
    await client.db('bench').createCollection('journal');
    await client.db('admin').command({ fsync: 1 });
    const [first] = hands as [Hand, Hand];
    const each = async (update: (id: number) => Promise<unknown>): Promise<void> => {
      for (let id = 0; id < singles; id++) await update(id);
    };
    const inRanges = async (lanes: Hand[], seen: number): Promise<void> => {
      let next = 0;
      const lane = async (hand: Hand): Promise<void> => {
        for (let from = next; from < documents; from = next) {
          next += range;
          await hand.keptRange(from, seen);
        }
      };
      await Promise.all(lanes.map(lane));
    };
    await measure(server.pids, {
      'updateOne, by the driver': () => each((_id) => rows.updateOne({ _id }, { $inc: { n: 1 } })),
      'updateOne, raw': () => each((id) => first.bareUpdate(id)),
      'updateOne, raw and kept': () => each((id) => first.keptUpdate(id)),
    });
    // A value that is there already would cost the server nothing.
    let seen = 0;
    await measure(server.pids, {
      updateMany: () => rows.updateMany({ n: { $gte: 0 } }, { $set: { seen: ++seen } }),
      'updateMany, kept, one connection': () => inRanges([first], ++seen),
      'updateMany, kept, two connections': () => inRanges(hands, ++seen),
    });
  } finally {
    for (const hand of hands) hand.close();
    await client.close();
    await server.stop();
  }
}

/** The ways take turns; medians in milliseconds. */
async function measure(pids: readonly number[], ways: Record<string, () => Promise<unknown>>): Promise<void> {
  const names = Object.keys(ways);
  const taken = new Map(names.map((name): [string, Taken] => [name, { wall: [], server: [], own: [] }]));
  for (let round = 0; round < rounds + 2; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]!;
      const processors = new Processors(pids);
      const start = performance.now();
      await ways[name]!();
      const wall = performance.now() - start;
      // The first rounds only warm up.
      if (round < 2) continue;
      const { server, own } = processors.used();
      const all = taken.get(name)!;
      all.wall.push(wall);
      all.server.push(server);
      all.own.push(own);
    }
  }
  for (const [name, { wall, server, own }] of taken)
    console.log(
      `${name.padEnd(36)} ${median(wall).toFixed(0).padStart(6)} ms, processor time ` +
        `${median(server).toFixed(0)} + ${median(own).toFixed(0)}`,
    );
}

interface Taken {
  wall: number[];
  server: number[];
  own: number[];
}

void main();
