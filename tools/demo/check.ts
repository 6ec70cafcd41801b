// `npm run demo -- --check`: the main job by mouse and keyboard on the packaged extension, judged by what MongoDB
// answers to a client of its own. Tells each thing that it saw, leaves pictures under out/.
import { MongoClient, type Db } from 'mongodb';
import { packageExtension } from '../package';
import { startEditor } from '../vscode/editor';
import type { Theme, Workbench } from '../vscode/workbench';

export interface DemoPlace {
  uri: string;
  database: string;
  /** The opened workspace. */
  folder: string;
}

const transform = '20240301090000-release-dates.js';
const failing = '20240401090000-age-limits.js';

function saw(line: string): void {
  process.stdout.write(`  ${line}\n`);
}

function expect(what: string, holds: boolean): void {
  if (!holds) throw new Error(`Expected: ${what}`);
  saw(what);
}

/** Resolves to whether everything was as it should be. */
export async function checkDemo(place: DemoPlace): Promise<boolean> {
  const client = await MongoClient.connect(place.uri);
  const editor = await startEditor({
    vsix: await packageExtension(),
    name: 'demo',
    settings: { 'security.workspace.trust.enabled': false },
  });
  try {
    const window = await editor.open(place.folder);
    try {
      await tryMainJob(window, client.db(place.database));
      process.stdout.write('The demo works.\n');
      return true;
    } catch (error) {
      process.stdout.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      process.stdout.write(`The demo does not work; see ${await window.screenshot('demo-failed')}\n`);
      return false;
    } finally {
      await window.close();
    }
  } finally {
    await editor.stop();
    await client.close();
  }
}

/** How many release dates are strings, and how many are dates. */
async function dates(db: Db): Promise<{ strings: number; dates: number }> {
  const movies = db.collection('movies');
  const [strings, dates] = await Promise.all([
    movies.countDocuments({ 'Release Date': { $type: 'string' } }),
    movies.countDocuments({ 'Release Date': { $type: 'date' } }),
  ]);
  return { strings, dates };
}

/** Changes with any byte of any movie. */
async function fingerprint(db: Db): Promise<string> {
  const answer = await db.command({ dbHash: 1, collections: ['movies'] });
  return String((answer['collections'] as Record<string, unknown>)['movies']);
}

async function ledger(db: Db): Promise<string[]> {
  const rows = await db.collection('_migrations').find().sort({ appliedAt: 1 }).toArray();
  return rows.map((row) => String(row['name']));
}

async function tryMainJob(window: Workbench, db: Db): Promise<void> {
  const before = await dates(db);
  expect(`${before.strings} movies have a release date as text`, before.strings > 1000 && before.dates === 0);
  const original = await fingerprint(db);
  await readTree(window);
  await rehearse(window, db, original);
  await run(window, db, before.strings);
  await pictures(window, 'demo-run');
  await rollBack(window, db, original);
  await fail(window, db);
}

async function readTree(window: Workbench): Promise<void> {
  await window.openContainer();
  await window.widenSideBar(430);
  const rows = await window.waitForRows(
    'Migrations',
    'every migration pending',
    (all) => all.length > 0 && all.every(({ description }) => description.startsWith('pending')),
  );
  for (const { label, description } of rows) saw(`${label}  ${description}`);
}

async function rehearse(window: Workbench, db: Db, original: string): Promise<void> {
  await window.openFile(transform);
  const lenses = await window.waitForLens('pending');
  expect(`lenses: ${lenses.join(' | ')}`, lenses[0] === 'Run' && lenses.includes('Dry run'));
  await window.clickLens('Dry run');
  await window.waitForWebview('Dry run Succeeded');
  expect('the dry run succeeded and asked nothing', !(await window.isDialogOpen()));
  await pictures(window, 'demo-dry-run', ['dark']);
  expect('the dry run changed no byte of a movie', (await fingerprint(db)) === original);
  expect('the dry run left no ledger', (await ledger(db)).length === 0);
}

async function run(window: Workbench, db: Db, strings: number): Promise<void> {
  await window.clickLens('Run');
  const dialog = await window.dialog();
  const asked = `${dialog.message} ${dialog.detail}`;
  expect(
    `asked: ${dialog.message}`,
    [transform, db.databaseName, '127.0.0.1', 'up'].every((part) => asked.includes(part)),
  );
  await window.screenshot('demo-dialog');
  await window.confirmDialog();
  await window.waitForWebview('Applied');
  const row = await window.waitForRow('Migrations', transform, /^applied/);
  saw(`${row.label}  ${row.description}`);
  const after = await dates(db);
  expect(`${after.dates} movies have a release date as a date`, after.dates === strings);
  expect('the ledger names it', (await ledger(db)).includes(transform));
  await window.waitForLens('Roll back');
}

async function rollBack(window: Workbench, db: Db, original: string): Promise<void> {
  await window.openFile(transform);
  await window.waitForLens('Roll back');
  await window.clickLens('Roll back');
  const dialog = await window.dialog();
  expect(`asked: ${dialog.message}`, dialog.message.includes(transform));
  await window.confirmDialog();
  await window.waitForRow('Migrations', transform, /^pending/);
  expect('every movie has the bytes that it had', (await fingerprint(db)) === original);
  expect('the ledger is empty again', (await ledger(db)).length === 0);
}

async function fail(window: Workbench, db: Db): Promise<void> {
  await window.openFile(failing);
  await window.waitForLens('Run');
  await window.clickLens('Run');
  await window.dialog();
  await window.confirmDialog();
  const text = await window.waitForWebview('What went wrong');
  const cause = /No age limit is known for the rating "[^"]+"/.exec(text)?.[0];
  expect(`the failing migration says: ${cause}`, cause !== undefined);
  const place = new RegExp(`${failing}:\\d+`).exec(text)?.[0];
  expect(`and where: ${place}`, place !== undefined);
  const row = await window.waitForRow('Migrations', failing, /^failed/);
  saw(`${row.label}  ${row.description}`);
  expect('the ledger does not name it', !(await ledger(db)).includes(failing));
  await window.waitForLens('failed');
  await pictures(window, 'demo-failure', ['dark']);
}

/** The whole window in each kind of theme, and dark again. */
async function pictures(
  window: Workbench,
  name: string,
  themes: Theme[] = ['light', 'hc-black', 'hc-light', 'dark'],
): Promise<void> {
  await window.clearNotifications();
  for (const theme of themes) {
    if (themes.length > 1) await window.setTheme(theme);
    saw(`picture: ${await window.screenshot(`${name}-${theme}`)}`);
  }
}
