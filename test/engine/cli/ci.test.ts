// What CI systems and shells use of the command line: event lines by their published schema, JUnit reports, arguments for
// migrations, completion.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { eventLines, useProgram } from './program';

const schema = new URL('../../../schemas/events.v1.schema.json', import.meta.url);
const good = `module.exports = { source: 'songs', filter: { rate: { $type: 'string' } },
  transform: (doc) => ({ $set: { rate: Number(doc.rate) } }) };`;
const bad = `module.exports = { async up() { throw new Error('<no> & "never"'); } };`;

describe('the command line for CI', function () {
  this.timeout(120_000);
  const bench = useProgram();

  it('writes event lines that fit the published schema, each type of them', async () => {
    const { db } = await bench.work({ '1-good.js': good, '2-bad.js': bad });
    await db.collection('songs').insertMany([{ rate: '1' }, { rate: 'x' }]);
    const ajv = new Ajv({ strict: false });
    addFormats.default(ajv);
    const validate = ajv.compile(JSON.parse(await readFile(schema, 'utf8')) as object);
    const types = new Set<string>();
    const calls = [
      ['status'],
      ['validate'],
      ['dry-run', '1-good.js'],
      ['up', '1-good.js'],
      ['up'],
      ['runs'],
      ['repair'],
      ['down', '2-bad.js'],
    ];
    for (const call of calls) {
      for (const line of eventLines(await bench.place.run('--json', ...call))) {
        assert.ok(validate(line), `${JSON.stringify(line)}\n${JSON.stringify(validate.errors)}`);
        types.add(line.type);
      }
    }
    const expected =
      'status list run.started check step.started progress error verification step.finished run.finished report log';
    assert.deepEqual(
      expected.split(' ').filter((type) => !types.has(type)),
      [],
    );
    assert.ok(
      !validate({ type: 'progress', run: 'x', at: new Date().toISOString() }),
      'the schema refuses nothing',
    );
  });

  it('writes what a dry run and the checks have found as JUnit reports', async () => {
    const { db, root } = await bench.work({ '1-good.js': good, '2-bad.js': bad });
    await db.collection('songs').insertOne({ rate: '1' });
    const file = join(root, 'report.xml');
    assert.equal((await bench.place.run('validate', '1-good.js', '--junit', file)).code, 0);
    const checks = await readFile(file, 'utf8');
    assert.match(checks, /<testsuite name="1-good\.js" .*failures="0"/);
    assert.match(checks, /<testcase classname="1-good\.js" name="all checks"/);
    assert.equal((await bench.place.run('dry-run', '--junit', file)).code, 1);
    const report = await readFile(file, 'utf8');
    assert.match(
      report,
      /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites name="migratory" tests="\d+" failures="1"/,
    );
    assert.match(report, /<testcase classname="1-good\.js" name="up again" time="[\d.]+"\/>/);
    assert.match(report, /<testcase classname="1-good\.js" name="down" time="[\d.]+"\/>/);
    assert.match(
      report,
      /classname="2-bad\.js" name="up"[^>]*>\s*<failure message="&lt;no&gt; &amp; &quot;never&quot;/,
    );
    // Python reads it as XML.
    const read =
      'import sys, xml.etree.ElementTree as tree; print(len(tree.parse(sys.argv[1]).findall(".//testcase")))';
    assert.ok(Number(execFileSync('python3', ['-c', read, file])) >= 4);
  });

  it('hands arguments to migrations', async () => {
    const { db } = await bench.work({
      '1-args.js': `module.exports = { async up(db, client, { args }) { await db.collection('seen').insertOne({ args }); } };`,
    });
    const refused = await bench.place.run('up', '--arg', 'tenant');
    assert.equal(refused.code, 2);
    assert.match(refused.err, /key=value/);
    const up = await bench.place.run('up', '--arg', 'tenant=a b', '--arg', 'limit=5', '--arg', 'list=[1]');
    assert.equal(up.code, 0, up.err);
    const seen = await db.collection('seen').findOne();
    assert.deepEqual(seen?.['args'], { tenant: 'a b', limit: 5, list: [1] });
  });

  it('keeps the end of the log with the run, without connection strings, and goes on with it', async () => {
    const { db } = await bench.work({
      '1-log.js': `module.exports = { async up(db, client, { log }) {
        for (let n = 0; n < 300; n++) log.info('line ' + n);
        log.warn('see mongodb://root:geheim@example.test/x');
      } };`,
    });
    assert.equal((await bench.place.run('up')).code, 0);
    const [run] = await db.collection('_migratory_runs').find().toArray();
    const log = run?.['log'] as { level: string; message: string }[];
    assert.equal(log.length, 200);
    assert.equal(log.at(-2)?.message, 'line 299');
    assert.deepEqual([log.at(-1)?.level, /geheim/.test(JSON.stringify(run))], ['warn', false]);
    const shown = await bench.place.run('runs', String(run?.['_id']));
    assert.match(shown.out, /info {2}line 299/);
    const [list] = eventLines(await bench.place.run('runs', '--json'));
    assert.ok(list && Array.isArray(list['items']));
    assert.ok(!('log' in (list['items'][0] as object)));
  });

  it('completes commands, options and migrations in a shell', async () => {
    const odd = "3-it's $(touch carried-out).js";
    const { root } = await bench.work({ '1-good.js': good, '2-bad.js': bad, [odd]: good });
    const complete = (...words: string[]): string[] => {
      const script = `migratory() { "${process.execPath}" "${bench.program}" "$@"; }
        source <(migratory completion bash)
        COMP_WORDS=(migratory ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}
        _migratory; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const out = execFileSync('bash', ['-c', script], { cwd: root, encoding: 'utf8' });
      return out.split('\n').filter((line) => line !== '');
    };
    assert.deepEqual(complete('dry'), ['dry-run']);
    assert.deepEqual(complete('up', '1'), ['1-good.js']);
    assert.deepEqual(complete('up', '--to', '2'), ['2-bad.js']);
    assert.deepEqual(complete('up', '--allow'), ['--allow-out-of-order']);
    assert.deepEqual(complete('up', '--on-cancel', 'k'), ['keep']);
    assert.deepEqual(complete('quarantine', 'r'), ['retry']);
    // A name is a name, whatever a shell would make of it.
    const [typed = ''] = complete('up', '3');
    assert.equal(execFileSync('bash', ['-c', `printf %s ${typed}`], { cwd: root, encoding: 'utf8' }), odd);
    assert.ok(!(await readdir(root)).includes('carried-out'));
    assert.deepEqual(complete('--json', 'down', '2'), ['2-bad.js']);
    assert.equal((await bench.place.run('completion', 'tcsh')).code, 2);
  });
});
