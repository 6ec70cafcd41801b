import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { packSource, sourceChecksum, unpackSource } from '../../../src/migration/checksum';

describe('checksum', () => {
  it('is what sha256sum prints, over the raw bytes', () => {
    assert.equal(
      sourceChecksum(Buffer.from('module.exports = {}\n')),
      '762fa419e6b0042da11f47afa3cdb6d9b81566d057c5418cba433a8d23770f81',
    );
    assert.equal(
      sourceChecksum(Buffer.from('module.exports = {}\r\n')),
      'b603cc6ad3791fb7c1254fb2f49b831eac433adc0711b8a7b9777f2d00eb4c0b',
    );
  });
});

describe('packed source', () => {
  it('comes back byte for byte', async () => {
    const source = Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0x0d, 0x0a, 0xff, 0x00]);
    const packed = await packSource(source);
    assert.ok(packed);
    assert.deepEqual(await unpackSource(packed), source);
  });

  it('is null for a source that would not fit into a ledger row', async function () {
    this.timeout(20_000);
    assert.equal(await packSource(randomBytes(5 * 1024 * 1024)), null);
  });

  it('refuses to unpack what is no gzip or holds too much', async function () {
    this.timeout(20_000);
    await assert.rejects(unpackSource(Buffer.from('plain text')));
    await assert.rejects(unpackSource(gzipSync(Buffer.alloc(65 * 1024 * 1024))), RangeError);
  });
});
