// What is read off replies without decoding them, also while they stream through in pieces of any size.
import assert from 'node:assert/strict';
import { BSON, type Document } from 'mongodb';
import { buildMessage } from '../../../src/wire/message';
import { HEAD_NEEDED, StreamedBatch, lookAtBody, saysNotPrimary } from '../../../src/wire/replyLook';
import { chop, random } from './chance';

function look(reply: Document): ReturnType<typeof lookAtBody> {
  return lookAtBody(Buffer.from(BSON.serialize(reply)));
}

describe('the cheap look at a reply', () => {
  it('reads counts', () => {
    assert.deepEqual(look({ n: 3, nModified: 2, upserted: [{ index: 0, _id: 1 }], ok: 1 }), {
      ok: true,
      n: 3,
      nModified: 2,
      nUpserted: 1,
    });
    assert.deepEqual(
      look({ lastErrorObject: { n: 1, updatedExisting: true }, value: { ok: 0, n: 9 }, ok: 1.0 }),
      { ok: true, n: 1 },
    );
    assert.deepEqual(look({ n: 1, writeErrors: [{ code: 11000 }, { code: 1 }], ok: 1 }), {
      ok: true,
      n: 1,
      writeErrors: 2,
    });
    assert.deepEqual(look({ ok: 0, errmsg: 'no', code: 13, codeName: 'Unauthorized' }), {
      ok: false,
      errmsg: 'no',
      code: 13,
    });
    const cursor = { firstBatch: [{}, {}], id: BSON.Long.fromString('123456789012345678'), ns: 'a.b' };
    assert.deepEqual(look({ cursor, ok: 1 }), { ok: true, batch: 2, cursorId: '123456789012345678' });
  });

  it('knows when a server is no primary any more', () => {
    assert.ok(saysNotPrimary(look({ ok: 0, code: 10107, errmsg: 'not primary' })));
    assert.ok(!saysNotPrimary(look({ ok: 0, code: 11000, errmsg: 'duplicate' })));
    assert.ok(!saysNotPrimary(look({ ok: 1, code: 10107 })));
  });

  it('counts batches that stream through, wherever the pieces are cut', () => {
    const chance = random(5);
    for (let round = 0; round < 150; round++) {
      const length = Math.floor(chance() * (round % 10 === 0 ? 12_000 : 150));
      const documents = Array.from({ length }, (_, i) =>
        chance() < 0.3 ? {} : { i, t: 'x'.repeat(Math.floor(chance() * 40)) },
      );
      const batch = chance() < 0.5 ? 'firstBatch' : 'nextBatch';
      const cursor = { [batch]: documents, id: BSON.Long.fromNumber(length), ns: `a.${'b'.repeat(40)}` };
      const body = BSON.serialize({ cursor, ok: 1, operationTime: new BSON.Timestamp({ t: 1, i: 1 }) });
      const bytes = Buffer.concat(buildMessage({ requestId: 1, responseTo: 2 }, { body }));
      const streamed = StreamedBatch.begin(bytes.subarray(0, HEAD_NEEDED));
      assert.ok(streamed);
      for (const piece of chop(bytes, chance, round % 2 === 0 ? 9 : 4000)) streamed.add(piece);
      assert.deepEqual(streamed.look(), { ok: true, batch: length, cursorId: String(length) });
    }
  });

  it('leaves replies of another build to be looked at whole', () => {
    const body = BSON.serialize({
      cursor: { id: BSON.Long.fromNumber(0), ns: 'a.b', firstBatch: [{}] },
      ok: 1,
      more: 'x'.repeat(50),
    });
    const bytes = Buffer.concat(buildMessage({ requestId: 1, responseTo: 2 }, { body }));
    assert.equal(StreamedBatch.begin(bytes), undefined);
    assert.equal(lookAtBody(Buffer.from(body)).batch, 1);
  });
});
