// Documents that no driver writes by itself, as bytes.
import { BSON } from 'mongodb';

/** `{_id: "broken", t: <two bytes that are no UTF-8>}` */
export const invalidText: Buffer = damage({ _id: 'broken', t: 'xy' }, 'xy', Buffer.from([0xff, 0xfe]));

/** `{_id: "twin", aa: 1, aa: 2}` */
export const duplicateName: Buffer = damage({ _id: 'twin', aa: 1, ab: 2 }, 'ab', Buffer.from('aa'));

/** `{_id: "odd", r: /a/q}`: an option that there is not, which the server stores and no driver decodes. */
export const unknownOption: Buffer = damage(
  { _id: 'odd', r: new BSON.BSONRegExp('aa', 'i') },
  'i\0',
  Buffer.from('q'),
);

function damage(document: object, text: string, bytes: Buffer): Buffer {
  const raw = Buffer.from(BSON.serialize(document));
  bytes.copy(raw, raw.lastIndexOf(text));
  return raw;
}
