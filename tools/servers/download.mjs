// The child of binary.ts that lets mongodb-memory-server download mongod: a process of its own, because its
// progress goes to standard output and a connection that hangs can only be killed.
// Arguments: the folder to download into, and optionally the version. Sends { path } or { error } to its parent.
import memoryServer from 'mongodb-memory-server-core';

const [downloadDir, version] = process.argv.slice(2);
try {
  process.send({ path: await memoryServer.MongoBinary.getPath({ downloadDir, version }) });
} catch (error) {
  process.send({ error: error instanceof Error ? error.message : String(error) });
}
process.disconnect();
