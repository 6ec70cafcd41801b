// What the ledger remembers of a migration's source: its checksum and the source itself, packed.
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

/** Packed sources above this stay out of the ledger: a row has to fit into 16 MB with room for all else. */
const largestPacked = 4 * 1024 * 1024;
/** A source never unpacks to more than this, whatever a ledger row claims to hold. */
const largestUnpacked = 64 * 1024 * 1024;

/** SHA-256 of the raw bytes of a file in lower-case hex, the same as `sha256sum` prints. */
export function sourceChecksum(source: Uint8Array): string {
  return createHash('sha256').update(source).digest('hex');
}

/** The bytes of a source as gzip for the ledger, or null when they are too many to be kept there. */
export async function packSource(source: Uint8Array): Promise<Buffer | null> {
  if (source.byteLength > largestUnpacked) return null;
  const packed = await promisify(gzip)(source);
  return packed.byteLength > largestPacked ? null : packed;
}

/** The reverse of `packSource`. Rejects when the bytes are no gzip or hold more than 64 MB. */
export async function unpackSource(packed: Uint8Array): Promise<Buffer> {
  return promisify(gunzip)(packed, { maxOutputLength: largestUnpacked });
}
