import assert from 'node:assert/strict';
import { OutlineKeeper } from '../../../src/migration/outlineKeeper';

const good = `// head\nmodule.exports = [\n  { name: 'a', up() {} },\n  { name: 'b', up() {} },\n];\n`;

describe('OutlineKeeper', () => {
  it('keeps the last good entries while the text does not parse, moved with the edit', () => {
    const keeper = new OutlineKeeper();
    keeper.outline('uri', good, 'm.js');
    const broken = good.replace(`{ name: 'a', up() {} }`, `{ name: 'a', up() { db. } }`);
    const { entries, error } = keeper.outline('uri', broken, 'm.js');
    assert.ok(error);
    assert.deepEqual(
      entries.map(({ name, start }) => [name, broken.slice(start, start + 11)]),
      [
        ['a', `{ name: 'a'`],
        ['b', `{ name: 'b'`],
      ],
    );
  });

  it('keeps them over several broken texts and drops them with the first good one', () => {
    const keeper = new OutlineKeeper();
    keeper.outline('uri', good, 'm.js');
    keeper.outline('uri', good + 'x = ', 'm.js');
    assert.equal(keeper.outline('uri', good + 'x = (', 'm.js').entries.length, 2);
    assert.deepEqual(keeper.outline('uri', 'module.exports = {};', 'm.js'), { entries: [], complete: true });
    assert.deepEqual(keeper.outline('uri', 'module.exports = {', 'm.js').entries, []);
  });

  it('has nothing to show for a text that never parsed', () => {
    const keeper = new OutlineKeeper();
    assert.deepEqual(keeper.outline('uri', 'module.exports = {', 'm.js').entries, []);
  });

  it('keeps documents apart, forgets closed ones and never points behind the end', () => {
    const keeper = new OutlineKeeper();
    keeper.outline('one', good, 'm.js');
    assert.deepEqual(keeper.outline('two', '(', 'm.js').entries, []);
    for (const { start, end } of keeper.outline('one', '(', 'm.js').entries) {
      assert.ok(start <= 1 && end <= 1);
    }
    keeper.forget('one');
    assert.deepEqual(keeper.outline('one', '(', 'm.js').entries, []);
  });

  it('hands out the same outline for the same text', () => {
    const keeper = new OutlineKeeper();
    assert.equal(keeper.outline('uri', good, 'm.js'), keeper.outline('uri', good, 'm.js'));
  });
});
