// What a rehearsed migration does outside of the database cannot be kept from happening: the report says it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { offerPymongo } from '../../../tools/python/pymongo';
import { Project } from '../helpers/project';

const kept = 'A dry run does not keep that from happening.';

describe('a dry run of what leaves the database', function () {
  this.timeout(60_000);
  const server = createServer((_request, response) => response.end('heard'));
  let address = '';
  let project: Project;
  before(async () => {
    await offerPymongo();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());
  afterEach(() => project.close());

  async function warnings(files: Record<string, string>): Promise<string[][]> {
    const texts = Object.entries(files).map(([name, text]) => [name, text.replaceAll('ADDRESS', address)]);
    project = await Project.create(Object.fromEntries(texts) as Record<string, string>);
    await project.rows('items').insertOne({ _id: 1 });
    const { run, exitCode } = await project.run({ mode: 'dry-run' });
    assert.equal(exitCode, 0, JSON.stringify(run.error));
    return project.ofType('report').map(({ report }) => report.warnings);
  }

  it('names connections, files and programs, of scripts and of transforms, and nothing else', async () => {
    const { writeFileSync } = fs;
    const found = await warnings({
      '1-all.js': `const { writeFileSync } = require('node:fs');
        const { execSync, execFile } = require('node:child_process');
        writeFileSync(__filename + '.loaded', '');
        exports.up = async (db) => {
          await db.collection('items').updateMany({}, { $set: { n: 1 } });
          await (await fetch('http://ADDRESS/')).text();
          writeFileSync(__dirname + '/../told', '');
          execSync('exit 0');
          await new Promise((resolve) => execFile(process.execPath, ['-v'], resolve));
        };`,
      '2-module.mjs': `import { openSync, readFileSync } from 'node:fs';
        import { mkdir } from 'node:fs/promises';
        export const source = 'items';
        export const transform = async () => {
          readFileSync(new URL(import.meta.url));
          openSync(new URL(import.meta.url), 'r');
          await mkdir(new URL('../made', import.meta.url), { recursive: true });
          return { $set: { m: 1 } };
        };`,
      '3-quiet.js': `exports.up = (db) => db.collection('items').updateMany({}, { $set: { q: 1 } });`,
    });
    const migrations = `${project.root}/migrations`;
    assert.deepEqual(found, [
      [
        `It connects to ${address}. ${kept}`,
        `It writes outside of the database: ${migrations}/../told. ${kept}`,
        `It starts exit 0, ${process.execPath}. ${kept}`,
      ],
      [`It writes outside of the database: ${project.root}/made. ${kept}`],
      [],
    ]);
    assert.equal(fs.writeFileSync, writeFileSync, 'the hooks are gone');
  });

  it('names what Python does there', async () => {
    const found = await warnings({
      '1-all.py': `
import os, subprocess, urllib.request

def up(db):
    db.items.update_many({}, {'$set': {'n': 1}})
    with urllib.request.urlopen('http://ADDRESS/') as answer:
        answer.read()
    with open('told', 'w') as file:
        file.write('x')
    with open('told') as file:
        file.read()
    os.remove('told')
    subprocess.run(['true'])
    os.system('exit 0')
`,
      '2-quiet.py': `
import json.tool

def up(db):
    db.items.update_many({}, {'$set': {'q': 1}})
`,
    });
    assert.deepEqual(
      found.map((each) => each.toSorted()),
      [
        [
          `It connects to ${address}. ${kept}`,
          `It starts true, exit 0. ${kept}`,
          `It writes outside of the database: told. ${kept}`,
        ],
        [],
      ],
    );
  });
});
