// Fixes: each leaves a file that parses, loads as the same migrations, and does not have the finding any more.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FixKind } from '../../../src/migration/lint/finding';
import { lintSource } from '../../../src/migration/lint/lint';
import type { LintRuleId } from '../../../src/migration/lint/rules';
import { outlineSource } from '../../../src/migration/outlineSource';
import { applyFix } from './fix';

function fixed(rule: LintRuleId, kind: FixKind, text: string, file = 'a.js'): string | undefined {
  const finding = lintSource(text, file).find((one) => one.rule === rule);
  assert.ok(finding, `${rule} was not found`);
  const fix = finding.fixes.find((one) => one.kind === kind);
  if (!fix) return undefined;
  for (const { text: inserted, placeholder } of fix.edits)
    if (placeholder !== undefined) assert.ok(inserted.includes(placeholder));
  const result = applyFix(text, fix);
  const outline = outlineSource(result, file);
  assert.equal(outline.error, undefined, result);
  assert.equal(outline.entries.length, outlineSource(text, file).entries.length, result);
  const again = lintSource(result, file).filter((one) => one.rule === rule);
  assert.ok(again.length < lintSource(text, file).filter((one) => one.rule === rule).length, result);
  return result;
}

describe('fixes of lint', () => {
  it('add down behind up', () => {
    const text = `module.exports = {\n  description: 'x',\n\n  async up(db) {\n    await db.command({ ping: 1 });\n  },\n};\n`;
    assert.equal(
      fixed('L1', 'add-down', text),
      `module.exports = {
  description: 'x',

  async up(db) {
    await db.command({ ping: 1 });
  },
  async down(db) {
    // Take back what up has done.
    throw new Error('down is not written yet');
  },
};
`,
    );
    assert.match(
      fixed('L1', 'add-down', `module.exports = { async up(db) {} };`) ?? '',
      /\{\}, async down\(db\)/,
    );
    const windows = fixed('L1', 'add-down', text.replaceAll('\n', '\r\n')) ?? '';
    assert.equal(windows.replaceAll('\r\n', ''), windows.replaceAll(/[\r\n]/g, ''));
    assert.equal(fixed('L1', 'add-down', `exports.up = async (db) => {};`), undefined);
  });

  it('mark as irreversible', () => {
    assert.equal(
      fixed(
        'L1',
        'mark-irreversible',
        `module.exports = [\n  {\n    name: 'a',\n    up() {},\n    down: null,\n  },\n];\n`,
      ),
      `module.exports = [\n  {\n    name: 'a',\n    up() {},\n    down: null,\n    irreversible: 'why it cannot be taken back',\n  },\n];\n`,
    );
    assert.equal(
      fixed('L1', 'mark-irreversible', `export default defineMigration({ up() {} });`, 'a.ts'),
      `export default defineMigration({ up() {}, irreversible: 'why it cannot be taken back' });`,
    );
  });

  const up = (code: string, params = 'db'): string =>
    `module.exports = {\n  async up(${params}) {\n    ${code}\n  },\n\n  async down() {},\n};\n`;

  it('add a filter with which the same comes out', () => {
    const add = (update: string): string | undefined =>
      fixed('L3', 'add-filter', up(`await db.collection('a').updateMany({}, ${update});`));
    assert.match(add(`{ $set: { x: 1 } }`) ?? '', /updateMany\(\{ x: \{ \$ne: 1 \} \}, \{ \$set/);
    assert.match(
      add(`{ $set: { 'a.b': "it's", y: true } }`) ?? '',
      /\(\{ \$or: \[\{ 'a\.b': \{ \$ne: 'it\\'s' \} \}, \{ y: \{ \$ne: true \} \}\] \},/,
    );
    // What is written is not known here, is null (which a missing field equals), or is not all.
    for (const update of [
      '{ $set: { x: value } }',
      '{ $set: { x: null } }',
      '{ $set: { x: 1 }, $unset: { y: 1 } }',
      '[{ $set: { x: 1 } }]',
    ])
      assert.equal(add(update), undefined, update);
  });

  it('go through ctx.batch', () => {
    const batch = (code: string, params?: string): string | undefined =>
      fixed('L3', 'use-batch', up(code, params));
    assert.match(
      batch(`await db.collection('a').updateMany({}, { $set: { x: 1 } });`) ?? '',
      /async up\(db, client, ctx\) \{\n {4}await ctx\.batch\('a', \{\}, \(\) => \(\{ \$set: \{ x: 1 \} \}\)\);/,
    );
    assert.match(
      batch(
        `const rows = db.collection('a');\n    await rows.updateMany({}, [{ $set: { x: 1 } }]);`,
        'db, client, context',
      ) ?? '',
      /await context\.batch\('a', \{\}, \[\{ \$set: \{ x: 1 \} \}\]\);/,
    );
    // A name that is computed, options that would get lost, a place that has no ctx.
    assert.equal(batch(`await db.collection(name).updateMany({}, { $set: { x: 1 } });`), undefined);
    assert.equal(
      batch(`await db.collection('a').updateMany({}, { $set: { x: 1 } }, { comment: 'x' });`),
      undefined,
    );
    assert.equal(
      batch(`await db.collection('a').updateMany({}, { $set: { x: 1 } });`, 'db, client, { log }'),
      undefined,
    );
    const counted = up(`await db.collection('a').updateMany({ b: 1 }, { $inc: { x: 1 } });`);
    assert.match(
      fixed('L4', 'use-batch', counted) ?? '',
      /ctx\.batch\('a', \{ b: 1 \}, \(\) => \(\{ \$inc: \{ x: 1 \} \}\)\)/,
    );
  });

  it('add await, and async where that is missing', () => {
    const call = `db.collection('a').insertOne({ _id: 1 });`;
    assert.match(fixed('L14', 'add-await', up(call)) ?? '', /\n {4}await db\.collection/);
    const plain = fixed('L14', 'add-await', `module.exports = { up(db) { ${call} }, down() {} };`);
    assert.match(plain ?? '', /\{ async up\(db\) \{ await db/);
    const arrow = fixed('L14', 'add-await', `exports.up = (db) => { ${call} }; exports.down = () => {};`);
    assert.match(arrow ?? '', /exports\.up = async \(db\) => \{ await db/);
  });

  it('ignore a finding in a line of its own, above the innermost statement', () => {
    const text = up(
      `for (const n of [1]) {\n      await db\n        .collection('a')\n        .updateMany({}, { $set: { n } });\n    }`,
    );
    assert.match(
      fixed('L3', 'suppress', text) ?? '',
      /of \[1\]\) \{\n {6}\/\/ migrate-ignore L3: why\n {6}await db\n/,
    );
    const python = 'def up(db):\n    db.a.update_many({}, {"$set": {"x": 1}})\n\n\ndef down(db):\n    pass\n';
    assert.match(fixed('L3', 'suppress', python, 'a.py') ?? '', /\n {4}# migrate-ignore L3: why\n {4}db\.a/);
  });

  it('can ignore every finding of every page', async () => {
    for (const rule of [
      'L1',
      'L2',
      'L3',
      'L4',
      'L5',
      'L6',
      'L7',
      'L8',
      'L9',
      'L10',
      'L11',
      'L12',
      'L13',
    ] as const) {
      const page = await readFile(join(import.meta.dirname, `../../../docs/lint/${rule}.md`), 'utf8');
      const text = /^## Found\n+```js\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? '';
      assert.ok(fixed(rule, 'suppress', text), rule);
    }
  });
});
