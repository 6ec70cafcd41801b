// The documents of the benches, about 700 bytes each with every common BSON type, and the change that is made to them:
// a name is split in two, and a number raised by one.
import { randomBytes } from 'node:crypto';
import { Double, Int32, Long, type Collection, type Document } from 'mongodb';

export const split = (doc: Document): Document => ({
  $set: {
    first: String(doc['name']).split(' ')[0],
    last: String(doc['name']).split(' ')[1],
    n: Number(doc['n']) + 1,
  },
});

/** The same on the server. */
export const splitPipeline: Document[] = [
  {
    $set: {
      first: { $first: { $split: ['$name', ' '] } },
      last: { $last: { $split: ['$name', ' '] } },
      n: { $add: ['$n', 1] },
    },
  },
];

export const touched = new Set(['first', 'last', 'n']);

function row(i: number): Document {
  return {
    n: new Int32(i),
    name: `First${i} Last${i}`,
    price: new Double(i % 50),
    views: Long.fromNumber(i),
    tags: ['red', 'green', 'blue'].slice(0, i % 4),
    address: {
      street: `${i} Long Street`,
      city: 'Somewhere',
      zip: String(10_000 + (i % 90_000)),
      geo: [i % 180, i % 90],
    },
    createdAt: new Date(1.6e12 + i * 1000),
    note: randomBytes(160).toString('hex'),
    flags: { active: i % 2 === 0, verified: true, level: new Int32(i % 7) },
  };
}

export async function fill(collection: Collection, documents: number): Promise<void> {
  const together = 10_000;
  for (let at = 0; at < documents; at += together) {
    const rows = Array.from({ length: Math.min(together, documents - at) }, (_, i) => row(at + i));
    await collection.insertMany(rows);
  }
}
