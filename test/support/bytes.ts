// What a test compares when not one byte may differ: documents as the server holds them, and hashes of databases.
import type { Collection, Db } from 'mongodb';

/** All documents as BSON, in the order of their `_id`; decoding would hide differences of type. */
export async function rawBytes(collection: Collection): Promise<Buffer[]> {
  const cursor = collection.find({}, { raw: true, sort: { _id: 1 } });
  const documents: Buffer[] = [];
  // Raw documents are views on a buffer that the driver uses again.
  for await (const document of cursor) documents.push(Buffer.from(document as unknown as Uint8Array));
  return documents;
}

/** The server's own hash of each collection's documents, by collection name. */
export async function dbHash(db: Db): Promise<Record<string, string>> {
  const { collections } = await db.command({ dbHash: 1 });
  return collections as Record<string, string>;
}
