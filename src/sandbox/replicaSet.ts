// Makes a replica set of one out of a mongod (so that there are transactions), also when it comes back on another port,
// and puts in what the templates of migrations speak of.
import type { Document, MongoClient } from 'mongodb';
import { MongoServerError } from 'mongodb';

/** Name of the replica set and of its database. */
export const sandboxDatabase = 'sandbox';

const alreadyInitialized = 23;
const patienceMs = 60_000;

/** Answers when the server is the primary under this address. */
export async function initiate(client: MongoClient, host: string): Promise<void> {
  const admin = client.db('admin');
  try {
    await admin.command({ replSetInitiate: { _id: sandboxDatabase, members: [{ _id: 0, host }] } });
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== alreadyInitialized) throw error;
    await moveTo(client, host);
  }
  for (const end = Date.now() + patienceMs; ;) {
    const { isWritablePrimary } = await admin.command({ hello: 1 });
    if (isWritablePrimary === true) return;
    if (Date.now() > end) throw new Error('it did not become the primary of its replica set');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Its config still names the port of the last start. */
async function moveTo(client: MongoClient, host: string): Promise<void> {
  const { config } = (await client.db('admin').command({ replSetGetConfig: 1 })) as { config: Document };
  if (config['members'][0].host === host) return;
  const moved = { ...config, version: config['version'] + 1, members: [{ ...config['members'][0], host }] };
  // Nobody is the primary yet, so nobody but force can agree.
  await client.db('admin').command({ replSetReconfig: moved, force: true });
}

/** Orders with what migrations mend: dates as strings, no status, no total. Only into an empty database. */
export async function seed(client: MongoClient): Promise<void> {
  const db = client.db(sandboxDatabase);
  if ((await db.listCollections({}, { nameOnly: true }).toArray()).length > 0) return;
  const customers = ['Ada', 'Grace', 'Katherine', 'Radia', 'Barbara'];
  await db.collection('customers').insertMany(
    customers.map((name, index) => ({
      _id: index + 1,
      name,
      email: `${name.toLowerCase()}@example.com`,
      address: { street: `${index + 1} Main Street`, city: index % 2 === 0 ? 'Berlin' : 'Lisbon' },
    })) as Document[],
  );
  await db
    .collection('orders')
    .insertMany(Array.from({ length: 500 }, (_none, index) => order(index, customers)));
}

function order(index: number, customers: readonly string[]): Document {
  const placedAt = new Date(Date.UTC(2024, 0, 1 + (index % 365), index % 24)).toISOString();
  const lines = Array.from({ length: 1 + (index % 3) }, (_none, line) => ({
    article: `A${100 + ((index + line) % 20)}`,
    price: 5 + ((index * 7 + line * 3) % 95),
    quantity: 1 + (line % 2),
  }));
  return {
    _id: index + 1,
    customer: 1 + (index % customers.length),
    placedAt,
    lines,
    ...(index % 10 === 0 ? { status: 'open' } : {}),
  };
}
