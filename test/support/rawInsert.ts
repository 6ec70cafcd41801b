// Inserts BSON that was made by hand, which no driver lets through: one OP_MSG on a socket of our own. Speaks to
// servers without access control and TLS only.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { BSON, type Db } from 'mongodb';

const opMsg = 2013;
/** Far below the server's limits of 48 MB and 100,000 documents for a message. */
const batch = { documents: 1000, bytes: 16 * 1024 * 1024 };

/** Inserts the documents as they are, with the majority's acknowledgement. Throws when one of them is refused. */
export async function insertRaw(db: Db, collection: string, documents: readonly Buffer[]): Promise<void> {
  const socket = await connectToPrimary(db);
  try {
    for (let from = 0; from < documents.length;) {
      let to = from;
      let bytes = 0;
      while (to < documents.length && to - from < batch.documents && (to === from || bytes < batch.bytes)) {
        bytes += (documents[to++] as Buffer).length;
      }
      await insertBatch(socket, db.databaseName, collection, documents.slice(from, to));
      from = to;
    }
  } finally {
    socket.destroy();
  }
}

async function connectToPrimary(db: Db): Promise<Socket> {
  const { tls, credentials, hosts } = db.client.options;
  assert.ok(!tls && credentials === undefined, 'insertRaw knows neither TLS nor passwords');
  const hello = await db.command({ hello: 1 });
  const address = String(hello['primary'] ?? hosts[0]);
  const colon = address.lastIndexOf(':');
  const socket = connect(Number(address.slice(colon + 1)), address.slice(0, colon));
  await once(socket, 'connect');
  return socket;
}

async function insertBatch(
  socket: Socket,
  database: string,
  collection: string,
  documents: Buffer[],
): Promise<void> {
  const body = BSON.serialize({ insert: collection, $db: database, writeConcern: { w: 'majority' } });
  const identifier = Buffer.from('documents\0');
  const sequence = Buffer.concat([
    int32(4 + identifier.length + sizeOf(documents)),
    identifier,
    ...documents,
  ]);
  const content = Buffer.concat([int32(0), Buffer.from([0]), body, Buffer.from([1]), sequence]);
  socket.write(Buffer.concat([int32(16 + content.length), int32(1), int32(0), int32(opMsg), content]));
  const reply = await readReply(socket);
  assert.equal(reply['ok'], 1, String(reply['errmsg']));
  assert.equal(reply['writeErrors'], undefined, JSON.stringify(reply['writeErrors']));
  assert.equal(reply['n'], documents.length);
}

/** The body of the next message: header (16 bytes), flags (4), kind 0 (1), document. */
async function readReply(socket: Socket): Promise<Record<string, unknown>> {
  let received = Buffer.alloc(0);
  while (received.length < 16 || received.length < received.readInt32LE(0)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    received = Buffer.concat([received, chunk]);
  }
  return BSON.deserialize(received.subarray(21));
}

function sizeOf(documents: Buffer[]): number {
  return documents.reduce((sum, document) => sum + document.length, 0);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
