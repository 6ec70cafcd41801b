import assert from 'node:assert/strict';
import { redact } from '../../../src/protocol/redact';

const cases: [title: string, text: string, expected: string][] = [
  ['no connection string', 'a@b: 1 is not 2', 'a@b: 1 is not 2'],
  ['none of ours', 'postgres://u:p@h/db', 'postgres://u:p@h/db'],
  ['without credentials', 'mongodb://localhost:27017/shop', 'mongodb://localhost:27017/shop'],
  ['user and password', 'at mongodb://me:pw@h:1/db?x=1.', 'at mongodb://<credentials>@h:1/db?x=1.'],
  ['srv', 'mongodb+srv://me:pw@c.example.net/', 'mongodb+srv://<credentials>@c.example.net/'],
  ['user alone', 'mongodb://me@h/', 'mongodb://<credentials>@h/'],
  ['capitals', 'MONGODB://me:pw@h/', 'MONGODB://<credentials>@h/'],
  ['several hosts', 'mongodb://me:pw@a:1,b:2/x', 'mongodb://<credentials>@a:1,b:2/x'],
  ['an @ in the password', 'mongodb://me:p@w@h/', 'mongodb://<credentials>@h/'],
  ['an unencoded slash', 'mongodb://me:p/w@h/db', 'mongodb://<credentials>@h/db'],
  ['an unencoded question mark', 'mongodb://me:p?w@h/db', 'mongodb://<credentials>@h/db'],
  ['quotes in the password', `mongodb://me:p"w'x@h/db`, 'mongodb://<credentials>@h/db'],
  [
    'two of them',
    'mongodb://a:b@h/ mongodb://c:d@i/',
    'mongodb://<credentials>@h/ mongodb://<credentials>@i/',
  ],
  ['inside quotes', `uri: 'mongodb://a:b@h/db' (bad)`, `uri: 'mongodb://<credentials>@h/db' (bad)`],
  [
    'secrets among the options',
    'mongodb://h/?authMechanismProperties=AWS_SESSION_TOKEN:abc&tls=true&tlsCertificateKeyFilePassword=x',
    'mongodb://h/?authMechanismProperties=<credentials>&tls=true&tlsCertificateKeyFilePassword=<credentials>',
  ],
];

describe('redact', () => {
  for (const [title, text, expected] of cases) {
    it(title, () => {
      assert.equal(redact(text), expected);
      assert.equal(redact(redact(text)), expected, 'a second time changes nothing');
    });
  }

  it('is quick on long texts', function () {
    this.timeout(20_000);
    const started = Date.now();
    redact(`mongodb://${'a:b'.repeat(300_000)} ${'mongodb://x'.repeat(10_000)}`);
    assert.ok(Date.now() - started < 5000);
  });
});
