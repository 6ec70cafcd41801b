// `validate` tells what lint finds, with what the database knows; nothing else is stopped by it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleProgram, type Ended, eventLines, Workplace } from './program';

const manifest = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', '..', '..', 'package.json'), 'utf8'),
) as { contributes: { problemPatterns: { regexp: string }[] } };
const pattern = new RegExp(manifest.contributes.problemPatterns[0]?.regexp ?? '');

const everything = `exports.up = async (db) => {
  await db.collection('x').updateMany({}, { $set: { a: 1 } });
};
exports.down = (db) => db.collection('x').updateMany({ a: 1 }, { $unset: { a: '' } });
`;
const noDown = `exports.up = (db) => db.collection('x').updateMany({ b: 1 }, { $set: { a: 1 } });\n`;
const unique = `exports.up = (db) => db.collection('x').createIndex({ mail: 1 }, { unique: true, name: 'mail' });
exports.down = (db) => db.collection('x').dropIndex('mail');
`;

interface Finding extends Record<string, unknown> {
  id: string;
  details: string;
}
const findings = (ended: Ended): Finding[] =>
  eventLines(ended).filter(
    (event): event is Finding & { type: string } =>
      event.type === 'check' && /^L\d+$/.test(String(event['id'])),
  );

describe('lint on the command line', function () {
  this.timeout(60_000);
  let bundle: Awaited<ReturnType<typeof bundleProgram>>;
  let place: Workplace;
  before(async () => (bundle = await bundleProgram()));
  after(() => bundle.remove());
  afterEach(() => place.close());

  it('fails validate by an error, and stops neither a dry run nor a run', async () => {
    place = await Workplace.create(bundle.program, { 'a.js': everything });
    const told = await place.run('validate', '--json');
    assert.equal(told.code, 5, told.err);
    const [finding, ...more] = findings(told);
    assert.deepEqual(more, []);
    assert.equal(finding?.id, 'L3');
    assert.deepEqual(
      [finding?.['severity'], finding?.['outcome'], finding?.['line'], finding?.['column']],
      ['error', 'failed', 2, 39],
    );
    const text = await place.run('validate');
    const line = text.out.split('\n').find((each) => each.includes('L3'));
    const [, severity, message, file, row, column] = pattern.exec(line ?? '') ?? [];
    assert.deepEqual([severity, row, column], ['error', '2', '39']);
    assert.ok(file?.endsWith('migrations/a.js'), file);
    assert.match(message ?? '', /^L3: .*every document/);
    const rehearsed = await place.run('dry-run', '--json');
    assert.equal(rehearsed.code, 0, rehearsed.err);
    assert.deepEqual(findings(rehearsed), []);
    assert.equal((await place.run('up')).code, 0);
  });

  it('lets validate pass with warnings, with what is ignored for a reason, and with rules that are off', async () => {
    place = await Workplace.create(bundle.program, { 'a.js': noDown });
    const warned = await place.run('validate', '--json');
    assert.equal(warned.code, 0, warned.err);
    assert.deepEqual(
      findings(warned).map(({ id, severity }) => [id, severity]),
      [['L1', 'warning']],
    );
    await place.write({ 'a.js': `// migrate-ignore L1: tried\n${noDown}`, 'b.js': everything });
    const config = { connections: { test: { uri: '${env:TEST_URI}', database: place.db.databaseName } } };
    await place.write({ './migratory.config.json': JSON.stringify({ ...config, lint: { L3: 'off' } }) });
    const quiet = await place.run('validate', '--json');
    assert.equal(quiet.code, 0, quiet.err);
    assert.deepEqual(findings(quiet), []);
    await place.write({ './migratory.config.json': JSON.stringify({ ...config, lint: { L33: 'off' } }) });
    const refused = await place.run('validate');
    assert.equal(refused.code, 2);
    assert.match(refused.err, /unknown key "lint\.L33"; did you mean "L3"\?/);
  });

  it('looks for the duplicates that a unique index would meet', async () => {
    place = await Workplace.create(bundle.program, { 'a.js': unique });
    await place.rows('x').insertMany(['a', 'b', 'c'].map((mail) => ({ _id: mail, mail })));
    const good = await place.run('validate', '--json');
    assert.equal(good.code, 0, good.err);
    assert.deepEqual(findings(good), []);
    await place.rows('x').insertMany(['a', 'b'].map((mail) => ({ _id: `${mail} again`, mail })));
    const bad = await place.run('validate', '--json');
    assert.equal(bad.code, 5);
    assert.match(findings(bad)[0]?.details ?? '', /2 values are there more than once in mail of "x"/);
    // Each element of an array is a value of its own, which only building the index can count.
    await place.rows('x').deleteMany({});
    await place.rows('x').insertMany([
      { _id: 1, mail: ['a', 'b'] },
      { _id: 2, mail: ['b', 'a'] },
    ]);
    assert.deepEqual(
      findings(await place.run('validate', '--json')).map(({ id }) => id),
      ['L8'],
    );
  });

  it('knows the server, its collections, their validators and the ledger', async () => {
    place = await Workplace.create(bundle.program, {
      '1-a.js': `exports.up = (db) => db.collection('x').updateMany({ b: 1 }, { $set: { price: 5 } });
exports.down = () => {};`,
      '2-b.js': `exports.up = (db) => db.collection('y').aggregate([{ $match: { z: 1 } }, { $out: 'x' }]).toArray();
exports.down = () => {};`,
      '3-c.js': `module.exports = { source: 'x', filter: { b: 1 }, update: [{ $set: { c: { $toUUID: '$c' } } }] };`,
    });
    await place.db.createCollection('x', {
      validator: { $jsonSchema: { properties: { price: { bsonType: 'double' } } } },
    });
    const { version } = await place.db.admin().serverInfo();
    const expected = Number.parseInt(version, 10) < 8 ? ['L26', 'L11', 'L21'] : ['L26', 'L11'];
    assert.deepEqual(
      findings(await place.run('validate', '--json')).map(({ id }) => id),
      expected,
    );
    await place.write({ '4-d.js': `exports.up = () => {}; exports.down = () => {};` });
    assert.equal((await place.run('up', '4-d.js')).code, 0);
    await place.write({ '4-d.js': `exports.up = () => { 1; }; exports.down = () => {};` });
    const edited = await place.run('validate', '4-d.js', '--json');
    assert.deepEqual(
      findings(edited).map(({ id }) => id),
      edited.code === 2 ? [] : ['L24'],
    );
  });
});
