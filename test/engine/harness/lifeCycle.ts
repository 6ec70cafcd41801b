// The one life of every kind of migration: rehearse, start, check, rehearse, roll back, compare byte for byte, start
// again, check. Which kinds live it on which servers is said in the test files.
import assert from 'node:assert/strict';
import type { TestServer } from '../../support/server';
import { seed, type Kind } from './kinds';
import { assertSame, describe, Stage } from './stage';

export async function live(server: TestServer, kind: Kind): Promise<void> {
  const stage = await Stage.open(server, kind.migrations());
  try {
    await seed(stage.db);
    const beginning = await stage.state();
    await rehearse(stage);

    await stage.succeed({ mode: 'up' });
    assert.deepEqual(await stage.ledger(), [...stage.names].sort());
    await kind.check(stage.db);
    const applied = await stage.state();
    // Over its own result a migration may well fail; it has to leave everything alone all the same.
    await stage.dryRun();

    await stage.down();
    assert.deepEqual(await stage.ledger(), []);
    assertSame(await stage.state(), beginning, 'after the way back');
    assert.deepEqual(await stage.leftovers(), [], 'after the way back');
    await rehearse(stage);

    await stage.succeed({ mode: 'up' });
    await kind.check(stage.db);
    assertShape(await stage.state(), applied);
    await stage.down();
    assertSame(await stage.state(), beginning, 'after the second way back');
  } finally {
    await stage.close();
  }
}

async function rehearse(stage: Stage): Promise<void> {
  const result = await stage.dryRun();
  assert.equal(result.exitCode, 0, `dry run: ${describe(result)}`);
}

type State = Awaited<ReturnType<Stage['state']>>;

/** The second start ends as the first did; documents with a new ObjectId of their own differ in that alone. */
function assertShape(actual: State, expected: State): void {
  const shape = (state: State): unknown =>
    Object.entries(state).map(([name, { documents, ...rest }]) => [name, rest, documents.length]);
  assert.deepEqual(shape(actual), shape(expected), 'after the second start');
}
