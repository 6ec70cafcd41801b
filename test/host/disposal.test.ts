// Whatever follows the stores lets go of all of them when it is disposed.
import assert from 'node:assert/strict';
import { LensProvider } from '../../src/vscode/lenses';
import { OperatorColors } from '../../src/vscode/operatorColors';
import type { OutlineStore } from '../../src/vscode/outlines';
import { LintDiagnostics } from '../../src/vscode/diagnostics';
import type { LintCatalogue } from '../../src/vscode/lintCatalogue';
import type { Log } from '../../src/vscode/log';
import { RunMemory } from '../../src/vscode/runMemory';
import { StatusBar } from '../../src/vscode/statusBar';
import type { Event } from '../../src/vscode/event';
import { ConnectionsTree } from '../../src/vscode/tree/connectionsTree';
import type { MigrationsTree } from '../../src/vscode/tree/migrationsTree';
import { RunsTree } from '../../src/vscode/tree/runsTree';
import { migration } from '../unit/vscode/support';
import { Stage } from './stores';

/** Counts who listens to a store from now on. */
function counted(source: { onDidChange: Event<never> }): () => number {
  const { onDidChange } = source;
  let listening = 0;
  const event: Event<never> = (listener) => {
    listening++;
    const subscription = onDidChange(listener);
    return {
      dispose() {
        listening--;
        subscription.dispose();
      },
    };
  };
  Object.defineProperty(source, 'onDidChange', { value: event });
  return () => listening;
}

describe('what follows the stores', () => {
  let stage: Stage;
  beforeEach(() => (stage = new Stage()));
  afterEach(() => stage.dispose());

  const followers: [string, () => { dispose(): void }][] = [
    ['the migrations', () => stage.migrations()],
    ['the runs', () => new RunsTree(stage.store, stage.runs)],
    [
      'the connections',
      () => {
        const { connections, statuses, tests } = stage;
        return new ConnectionsTree({ connections, statuses, tests, databases: async () => [] });
      },
    ],
    ['the lenses', () => new LensProvider(stage.outlines as OutlineStore, stage.store)],
    ['the status bar', () => new StatusBar(stage.store, stage.runs)],
    ['the memory of runs', () => new RunMemory(stage.runs, stage.remember())],
    [
      'lint',
      () => {
        const outlines = stage.outlines as OutlineStore;
        const catalogue = { onDidChange: stage.changed.event } as unknown as LintCatalogue;
        const { store } = stage;
        return new LintDiagnostics({ outlines, store, project: undefined, log: {} as Log, catalogue });
      },
    ],
    ['the colours', () => new OperatorColors(stage.outlines as OutlineStore)],
  ];
  for (const [name, make] of followers) {
    it(`${name} let go of them`, () => {
      stage.answer([migration({ name: 'a' })]);
      const { store, connections, tests, runs, filter, outlines } = stage;
      const counts = [store, connections, tests, runs, filter, outlines].map((source) =>
        counted(source as unknown as { onDidChange: Event<never> }),
      );
      const sum = (): number => counts.reduce((total, count) => total + count(), 0);
      const follower = make();
      assert.ok(sum() > 0, 'it follows nothing');
      follower.dispose();
      assert.equal(sum(), 0);
    });
  }

  it('hears nothing any more', async () => {
    stage.answer([migration({ name: 'a' })]);
    const trees: MigrationsTree[] = [stage.migrations(), stage.migrations()];
    const heard: string[] = [];
    trees.forEach((tree, place) => tree.onDidChangeTreeData(() => heard.push(String(place))));
    for (const tree of trees) await tree.getChildren();
    trees[0]?.dispose();
    const told = new Promise<void>((resolve) => stage.store.onDidChange(() => resolve()));
    stage.answer([migration({ name: 'b' })]);
    await told;
    trees[1]?.dispose();
    assert.deepEqual([...new Set(heard)], ['1']);
  });
});
