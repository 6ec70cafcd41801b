// A runner that is going to be killed: runs the script of kill.test.ts and tells how far it is.
import { connect } from '../../../src/engine/connect';
import { execute } from '../../../src/engine/execute';
import { arraySet } from '../../../src/engine/migrationSet';
import { RunSwitch } from '../../../src/engine/scope';
import { longScript, settings } from './longScript';

process.once('message', (message) => {
  const { uri, database, root } = message as { uri: string; database: string; root: string };
  void run(uri, database, root);
});

async function run(uri: string, database: string, root: string): Promise<void> {
  const definition = { up: longScript((done) => process.send?.({ done })) };
  await execute({
    connection: await connect({ name: 'test', uri, database }),
    set: arraySet([{ name: 'script', kind: 'script', index: 0, definition }], root),
    settings,
    request: { mode: 'up', names: ['script'] },
    program: 'test',
    hooks: { event: () => undefined },
    switch: new RunSwitch(),
  });
  process.send?.({ finished: true });
}
