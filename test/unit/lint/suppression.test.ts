import assert from 'node:assert/strict';
import type { Finding } from '../../../src/migration/lint/finding';
import type { LintLevels } from '../../../src/migration/lint/rules';
import { lintSource } from '../../../src/migration/lint/lint';
import { applyFix } from './fix';

const all = `await db.collection('a').updateMany({}, { $set: { x: 1 } });`;
const rules = (text: string, file = 'a.js'): string[] =>
  lintSource(text, file).flatMap(({ rule, severity }) => (severity === 'hint' ? [] : rule));
const hints = (text: string, levels: LintLevels = {}, file = 'a.js'): Finding[] =>
  lintSource(text, file, { levels }).filter(({ severity }) => severity === 'hint');
const inUp = (code: string, before = ''): string =>
  `'use strict';\n${before}module.exports = {\n  async up(db) {\n    ${code}\n  },\n\n  async down() {},\n};\n`;

describe('ignoring findings of lint', () => {
  for (const [where, text] of [
    ['behind the code in its line', inUp(`${all} // migrate-ignore L3: twelve documents`)],
    ['above the line', inUp(`// migrate-ignore L3: twelve documents\n    ${all}`)],
    ['in a block comment', inUp(`/* migrate-ignore L3: twelve documents */\n    ${all}`)],
    ['above other comments', inUp(`// migrate-ignore L3: twelve documents\n    // All of them.\n    ${all}`)],
    [
      'above the statement around it',
      inUp(`// migrate-ignore L3: x\n    for (const n of [1]) {\n      ${all}\n    }`),
    ],
    [
      'above the function',
      inUp(all).replace('  async up', '  // migrate-ignore L3: twelve documents\n  async up'),
    ],
    ['above the migration', inUp(all, '// migrate-ignore L3: twelve documents\n')],
    ['above everything, for the whole file', `// migrate-ignore L3: twelve documents\n\n${inUp(all)}`],
    ['beside other rules', inUp(`// migrate-ignore L4, L3: twelve documents\n    ${all}`)],
  ] as const) {
    it(`works ${where}`, () => assert.deepEqual(rules(text), []));
  }

  for (const [what, text] of [
    ['another rule', inUp(`// migrate-ignore L4: twelve documents\n    ${all}`)],
    [
      'what stands behind other code',
      inUp(`// migrate-ignore L3: twelve documents\n    await 1;\n    ${all}`),
    ],
    ['the function beside it', inUp(all).replace('  async down', '  // migrate-ignore L3: x\n  async down')],
    ['what only looks like a comment', inUp(`const text = '// migrate-ignore L3: x';\n    ${all}`)],
  ] as const) {
    it(`leaves ${what}`, () => assert.deepEqual(rules(text), ['L3']));
  }

  it('covers one migration of an array, not its neighbour', () => {
    const one = (name: string): string => `  {\n    name: '${name}',\n    async up(db) {},\n  },\n`;
    const text = `const x = 1;\nmodule.exports = [\n  // migrate-ignore L1: it is\n${one('a')}${one('b')}];\n`;
    assert.deepEqual(
      lintSource(text, 'a.js').map(({ rule, index }) => [rule, index]),
      [['L1', 1]],
    );
  });

  it('asks for a reason, and has a place for it', () => {
    for (const comment of ['// migrate-ignore L3', '// migrate-ignore L3:', '/* migrate-ignore L3 */']) {
      const text = inUp(`${comment}\n    ${all}`);
      assert.deepEqual(rules(text), ['L0', 'L3'], comment);
      const [problem] = lintSource(text, 'a.js');
      const [fix] = (problem as Finding).fixes;
      assert.equal(fix?.kind, 'add-reason');
      assert.deepEqual(rules(applyFix(text, fix)), [], comment);
    }
  });

  it('names the rule that was meant', () => {
    const [problem] = lintSource(inUp(`// migrate-ignore L33: why\n    ${all}`), 'a.js');
    assert.equal(problem?.message, 'There is no rule L33 to ignore.');
    assert.equal(problem?.action, 'Did you mean L3?');
    assert.match(lintSource(inUp('// migrate-ignore: why'), 'a.js')[0]?.message ?? '', /says no rule/);
  });

  it('works in Python', () => {
    const up = '    db.a.update_many({}, {"$set": {"x": 1}})\n';
    const down = '\n\ndef down(db):\n    pass\n';
    assert.deepEqual(rules(`import re\n\n\ndef up(db):\n${up}${down}`, 'a.py'), ['L3']);
    for (const text of [
      `# migrate-ignore L3: few\n\nimport re\n\n\ndef up(db):\n${up}${down}`,
      `import re\n\n\n# migrate-ignore L3: few\ndef up(db):\n${up}${down}`,
      `import re\n\n\ndef up(db):\n    # migrate-ignore L3: few\n${up}${down}`,
    ]) {
      assert.deepEqual(rules(text, 'a.py'), []);
    }
    const [problem] = lintSource(`def up(db):\n${up.trimEnd()}  # migrate-ignore L3\n${down}`, 'a.py').filter(
      ({ rule }) => rule === 'L0',
    );
    assert.ok(problem);
  });

  it('hints at what ignores nothing, and removes it', () => {
    const clean = inUp(`await db.collection('a').updateMany({ x: 0 }, { $set: { x: 1 } });`);
    for (const [text, without] of [
      [clean.replace('    await', '    // migrate-ignore L3: few\n    await'), clean],
      [clean.replace(' });\n', ' }); // migrate-ignore L3: few\n'), clean],
      [`// migrate-ignore L3, L14: few\r\n${clean}`, clean],
      [inUp(`// migrate-ignore L14, L3: few\n    ${all}`), inUp(`// migrate-ignore L3: few\n    ${all}`)],
    ] as const) {
      const [hint, ...others] = hints(text);
      assert.equal(hint?.rule, 'L0', text);
      assert.match(hint.message, /^(L3|L14|L3, L14) finds? nothing here/);
      assert.deepEqual(others, []);
      const [fix] = hint.fixes;
      assert.equal(fix?.kind, 'drop-suppression');
      assert.equal(applyFix(text, fix), without);
      assert.deepEqual(hints(text, { L0: 'off' }), []);
    }
  });

  it('hints at nothing that others may need: rules turned off, of the database, or unknown', () => {
    const clean = inUp(`await db.collection('a').updateMany({ x: 0 }, { $set: { x: 1 } });`);
    assert.deepEqual(hints(`// migrate-ignore L3: few\n${clean}`, { L3: 'off' }), []);
    assert.deepEqual(hints(`// migrate-ignore L11, L26: few\n${clean}`), []);
    assert.deepEqual(hints(`// migrate-ignore L33: few\n${clean}`), []);
    assert.deepEqual(hints(`// migrate-ignore L3\n${clean}`), []);
    assert.deepEqual(hints(inUp(`// migrate-ignore L3: few\n    ${all}`)), []);
    const python = 'def up(db):\n    pass\n\n\ndef down(db):\n    pass\n';
    assert.deepEqual(hints(`# migrate-ignore L4: few\n${python}`, {}, 'a.py'), []);
    assert.equal(hints(`# migrate-ignore L3: few\n${python}`, {}, 'a.py').length, 1);
  });

  it('keeps what else a comment says', () => {
    const clean = inUp(`await db.collection('a').updateMany({ x: 0 }, { $set: { x: 1 } });`);
    const [hint] = hints(`/* Twelve.\n   migrate-ignore L3: few */\n${clean}`);
    assert.deepEqual(hint?.fixes, []);
  });
});
