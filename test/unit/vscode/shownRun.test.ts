import assert from 'node:assert/strict';
import { UserError } from '../../../src/protocol/errors';
import type { RunSnapshot } from '../../../src/protocol/events';
import type { ConnectionTarget } from '../../../src/protocol/runner';
import { isPanelMessage } from '../../../src/vscode/panelMessages';
import { goneMessage, readRun, type RunSource } from '../../../src/vscode/shownRun';
import { english } from '../../../src/vscode/words';
import { snapshot } from './support';

const shown = { run: 'r1', connection: 'config:local' };
const target: ConnectionTarget = {
  name: 'local',
  uri: 'mongodb://ann:s3cret@localhost:27018',
  database: 'shop',
};

/** A window whose config names the connection as soon as it is read, on a database that holds `found`. */
function setUp(
  found: RunSnapshot | null,
  { isRead = true, trusted = true, error = undefined as Error | undefined } = {},
) {
  const project = { isRead, error, location: { root: '/work' } };
  const info = { id: 'config:local', name: 'local' };
  const isKnown = (id: string | undefined): boolean => project.isRead && !project.error && id === info.id;
  const asked: unknown[] = [];
  const source = {
    project,
    connections: {
      get: (id: string | undefined) => (isKnown(id) ? info : undefined),
      selected: undefined,
      target: async (id: string) => {
        if (!isKnown(id)) throw new UserError('This connection does not exist any more.');
        return target;
      },
    },
    observer: {
      call: async (...question: unknown[]) => {
        asked.push(question);
        return found;
      },
    },
    isTrusted: () => trusted,
    t: english,
  } as unknown as RunSource;
  return { source, project, asked };
}

const goneAfter = async (source: RunSource, of = shown): Promise<ReturnType<typeof goneMessage>> =>
  readRun(of, source).then(
    () => assert.fail('there is something to show'),
    (error: unknown) => goneMessage(error, english),
  );

describe('the run that the panel shows', () => {
  it('is waited for until the config has named the connections', async () => {
    const { source, project, asked } = setUp(snapshot(), { isRead: false });
    assert.equal(await readRun(shown, source), undefined);
    assert.equal(await readRun({ run: 'r1', connection: undefined }, source), undefined);
    assert.deepEqual(asked, []);
    project.isRead = true;
    assert.deepEqual(await readRun(shown, source), snapshot());
    assert.deepEqual(asked, [['snapshot', { project: { root: '/work' }, target, run: 'r1' }]]);
  });

  it('has one sentence and a way out when its record was deleted', async () => {
    const { source } = setUp(null);
    assert.deepEqual(await goneAfter(source), {
      type: 'gone',
      message: 'There is no record of this run in shop on localhost:27018 any more.',
      action: { label: 'Show Runs', command: 'migratory.runs.focus' },
    });
  });

  it('names what is wrong with the config, the connection or the trust, each with its way out', async () => {
    const broken = new UserError('The config cannot be read.', {
      action: { label: 'Mend', cli: 'migratory init' },
    });
    const select = { label: 'Select Connection', command: 'migratory.selectConnection' };
    assert.deepEqual(await goneAfter(setUp(null, { error: broken }).source), {
      type: 'gone',
      message: 'The config cannot be read.',
      action: { label: 'Show Runs', command: 'migratory.runs.focus' },
    });
    const none = await goneAfter(setUp(null).source, { run: 'r1', connection: undefined as never });
    assert.deepEqual(none.type === 'gone' && none.action, select);
    const untrusted = await goneAfter(setUp(snapshot(), { trusted: false }).source);
    assert.deepEqual(untrusted.type === 'gone' && untrusted.action, {
      label: 'Manage Workspace Trust',
      command: 'workbench.trust.manage',
    });
  });

  it('gives nothing away, and names no command that the panel may not have executed', async () => {
    const message = goneMessage(new Error(`no route to ${target.uri}/shop`), english);
    assert.ok(message.type === 'gone');
    assert.doesNotMatch(message.message, /s3cret/);
    assert.ok(isPanelMessage({ type: 'action', command: message.action.command }));
  });
});
