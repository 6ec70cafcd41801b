// Framing: whatever way a stream of messages is chopped, the same messages come out, byte for byte.
import assert from 'node:assert/strict';
import { BSON } from 'mongodb';
import {
  BrokenMessage,
  FrameReader,
  MAX_MESSAGE_SIZE,
  MessageFlag,
  bodyAtOnce,
  buildMessage,
  buildQuery,
  buildReply,
  parseMessage,
  parseQuery,
  replyDocument,
  splitDocuments,
} from '../../../src/wire/message';
import { chop, random } from './chance';

function message(id: number, documents: number, size: number): Buffer {
  const body = BSON.serialize({ insert: 'a', $db: 'b', id });
  const raw = Array.from({ length: documents }, (_, i) => BSON.serialize({ i, t: 'x'.repeat(size) }));
  const sequences = documents === 0 ? [] : [{ identifier: 'documents', documents: raw }];
  return Buffer.concat(buildMessage({ requestId: id, responseTo: 0 }, { body, sequences }));
}

describe('messages of the wire protocol', () => {
  it('come out of a stream as they went in, however it is chopped', () => {
    const chance = random(7);
    for (let round = 0; round < 200; round++) {
      const messages = Array.from({ length: 1 + Math.floor(chance() * 6) }, (_, i) =>
        message(i, Math.floor(chance() * 4), Math.floor(chance() * 300)),
      );
      const reader = new FrameReader();
      const frames = chop(Buffer.concat(messages), chance, round % 3 === 0 ? 5 : 700).flatMap((c) =>
        reader.push(c),
      );
      assert.equal(frames.length, messages.length);
      frames.forEach((frame, i) => {
        assert.ok(Buffer.concat([...frame.pieces]).equals(messages[i] as Buffer));
        assert.equal(frame.requestId, i);
        assert.ok(frame.head.length >= Math.min(frame.length, 64));
        assert.ok(frame.bytes.equals(messages[i] as Buffer));
      });
    }
  });

  it('are refused when they are too long or too short to be one', () => {
    for (const length of [0, 15, -1, MAX_MESSAGE_SIZE + 1, 0x7fffffff]) {
      const start = Buffer.alloc(16);
      start.writeInt32LE(length, 0);
      assert.throws(() => new FrameReader().push(start), BrokenMessage, String(length));
    }
    const small = new FrameReader();
    small.limit = 100;
    assert.throws(() => small.push(message(1, 1, 200)), BrokenMessage);
  });

  it('have a body and sections in any order, and lose their checksum when they are built anew', () => {
    const body = BSON.serialize({ insert: 'a', $db: 'b' });
    const documents = [BSON.serialize({ a: 1 }), BSON.serialize({ a: 2 })];
    const built = Buffer.concat(
      buildMessage(
        { requestId: 5, responseTo: 6 },
        {
          flags: MessageFlag.checksum | MessageFlag.moreToCome,
          body,
          sequences: [{ identifier: 'documents', documents }],
        },
      ),
    );
    const behind = 21 + body.length;
    const [head, first, section] = [
      built.subarray(0, 20),
      built.subarray(20, behind),
      built.subarray(behind),
    ];
    const turned = Buffer.concat([head, section, first, Buffer.from([1, 2, 3, 4])]);
    turned.writeInt32LE(turned.length, 0);
    turned.writeUInt32LE(MessageFlag.checksum | MessageFlag.moreToCome, 16);
    assert.equal(bodyAtOnce(turned), undefined);
    const parts = parseMessage(turned);
    assert.ok(parts.body.equals(body));
    assert.deepEqual(
      splitDocuments(parts.sequences[0]?.bytes ?? Buffer.alloc(0)).map((d) => BSON.deserialize(d)['a']),
      [1, 2],
    );
    const anew = Buffer.concat(buildMessage({ requestId: 5, responseTo: 6 }, parts));
    assert.equal(anew.readUInt32LE(16), MessageFlag.moreToCome);
    assert.equal(anew.length, turned.length - 4);
  });

  it('are refused with sections that are broken', () => {
    const good = message(1, 2, 10);
    const chance = random(3);
    for (let i = 0; i < 2000; i++) {
      const bad = Buffer.from(good);
      bad[16 + Math.floor(chance() * (bad.length - 16))] = Math.floor(chance() * 256);
      try {
        for (const sequence of parseMessage(bad).sequences) splitDocuments(sequence.bytes);
      } catch (error) {
        assert.match((error as Error).name, /^Broken(Message|Bson)$/);
      }
    }
    assert.throws(() => parseMessage(good.subarray(0, 40)), BrokenMessage);
    assert.throws(() => parseMessage(good.subarray(0, 20)), BrokenMessage);
  });

  it('have legacy forms for greetings', () => {
    const query = Buffer.from(BSON.serialize({ isMaster: 1 }));
    const before = Buffer.concat([
      Buffer.alloc(4),
      Buffer.from('admin.$cmd\0'),
      Buffer.alloc(4),
      Buffer.alloc(4, 255),
    ]);
    const bytes = Buffer.concat(buildQuery({ requestId: 3, responseTo: 0 }, before, query));
    assert.equal(bytes.readInt32LE(0), bytes.length);
    const parsed = parseQuery(bytes);
    assert.equal(parsed.collection, 'admin.$cmd');
    assert.ok(parsed.query.equals(query));
    assert.ok(parsed.before.equals(before));
    const reply = Buffer.concat(buildReply({ requestId: 9, responseTo: 3 }, BSON.serialize({ ok: 1 })));
    assert.equal(reply.readInt32LE(0), reply.length);
    assert.deepEqual(BSON.deserialize(replyDocument(reply)), { ok: 1 });
    assert.throws(() => parseQuery(bytes.subarray(0, 30)), BrokenMessage);
  });
});
