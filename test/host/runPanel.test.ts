// The host's half of the run panel as the editor brings it back after a restart: the window is there before the
// connections are.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { RunSnapshot } from '../../src/protocol/events';
import type { PanelHostMessage } from '../../src/protocol/panel';
import type { ConfigView } from '../../src/protocol/runner';
import { ConnectionStore } from '../../src/vscode/connections';
import { Emitter } from '../../src/vscode/event';
import { RunPanel, type PanelParts } from '../../src/vscode/panel';
import { RunStore } from '../../src/vscode/runs';
import { english } from '../../src/vscode/words';
import { snapshot } from '../unit/vscode/support';
import { until } from './support';

const config: ConfigView = {
  file: null,
  flavor: 'defaults',
  migrationsDir: '/m',
  ledger: '_migrations',
  connections: [{ name: 'local', uri: 'mongodb://localhost:27017', database: 'shop' }],
  defaultConnection: null,
};

/** A panel of the editor that writes down what is posted to its page. */
class RestoredPanel {
  readonly posted: PanelHostMessage[] = [];
  readonly #messages = new vscode.EventEmitter<unknown>();
  readonly title = '';
  readonly visible = true;
  readonly webview = {
    options: {},
    html: '',
    cspSource: 'https://host',
    asWebviewUri: (uri: vscode.Uri) => uri,
    onDidReceiveMessage: this.#messages.event,
    postMessage: async (message: PanelHostMessage) => this.posted.push(message),
  };
  readonly onDidDispose = () => ({ dispose: () => undefined });
  dispose(): void {
    this.#messages.dispose();
  }
  /** The page has come up. */
  ready(): void {
    this.#messages.fire({ type: 'ready' });
  }
  types(): string[] {
    return this.posted.map(({ type }) => type);
  }
}

/** The editor takes one serializer for each type of panel, and has that of the extension itself. */
function withoutSerializer(parts: PanelParts): RunPanel {
  const { registerWebviewPanelSerializer } = vscode.window;
  const replace = (value: unknown): void => {
    Object.defineProperty(vscode.window, 'registerWebviewPanelSerializer', {
      configurable: true,
      writable: true,
      value,
    });
  };
  replace(() => ({ dispose: () => undefined }));
  try {
    return new RunPanel(parts);
  } finally {
    replace(registerWebviewPanelSerializer);
  }
}

/** A window that has just restarted: what its database holds of the run, and a config that has not been read. */
function restarted(stored: RunSnapshot | null) {
  const changed = new Emitter<void>();
  let looks = 0;
  const project = {
    config: undefined as ConfigView | undefined,
    get isRead(): boolean {
      looks += 1;
      return this.config !== undefined;
    },
    error: undefined,
    location: { root: '/' },
    onDidChange: changed.event,
  };
  const memory = new Map<string, unknown>([
    ['migratory.panel', { run: stored?.run._id ?? 'r1', connection: 'config:local' }],
  ]);
  const remember = { get: (key: string) => memory.get(key), update: async () => undefined };
  const secrets = { get: async () => undefined, store: async () => undefined, delete: async () => undefined };
  const connections = new ConnectionStore(project, remember, secrets, english);
  const readConfig = (): void => {
    project.config = config;
    changed.fire();
  };
  const runs = new RunStore();
  const panel = withoutSerializer({
    context: { extensionUri: vscode.Uri.file('/extension'), workspaceState: remember },
    connections,
    runs,
    project,
    observer: { call: async () => stored },
  } as unknown as PanelParts);
  const page = new RestoredPanel();
  const dispose = (): void => [panel, connections, runs].forEach((one) => one.dispose());
  return { panel, page, readConfig, looks: () => looks, dispose };
}

describe('the run panel after a restart', () => {
  const over = snapshot({ state: 'applied', endedAt: '2026-01-01T12:00:01.000Z' });

  it('waits for the connections, and then shows its run', async () => {
    const { panel, page, readConfig, looks, dispose } = restarted(over);
    await panel.deserializeWebviewPanel(page as unknown as vscode.WebviewPanel);
    page.ready();
    await until('the page to have asked for its run', () => looks() === 2 || undefined);
    assert.deepEqual(page.types(), []);
    readConfig();
    const [first] = await until('the run', () => (page.posted.length > 0 ? page.posted : undefined));
    assert.deepEqual(first, { type: 'snapshot', snapshot: over });
    assert.ok(!page.types().includes('gone'));
    dispose();
  });

  it('says that there is no record any more, and where the other runs are', async () => {
    const { panel, page, readConfig, dispose } = restarted(null);
    await panel.deserializeWebviewPanel(page as unknown as vscode.WebviewPanel);
    readConfig();
    page.ready();
    const [first] = await until('a word', () => (page.posted.length > 0 ? page.posted : undefined));
    assert.deepEqual(first, {
      type: 'gone',
      message: 'There is no record of this run in shop on localhost:27017 any more.',
      action: { label: 'Show Runs', command: 'migratory.runs.focus' },
    });
    dispose();
  });
});
