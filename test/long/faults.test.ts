// The whole fault matrix: every fault of the server, on every command, in every kind of work, in both directions. A
// command that a kind of work never sends cannot fail there; each has to fail somewhere.
import assert from 'node:assert/strict';
import { commands, fail, faults, works } from '../engine/faults/faults';

/** Faults of writes alone. */
const ofWrites = new Set(['an unclear write', 'a write that too few have']);
const reads = new Set(['find', 'getMore', 'aggregate']);

describe('a run and every fault of its server', function () {
  this.timeout(180_000);
  const hit = new Map<string, number>();
  for (const work of Object.keys(works)) {
    for (const fault of Object.keys(faults)) {
      for (const command of commands) {
        if (ofWrites.has(fault) && reads.has(command)) continue;
        it(`${work}, ${command}: ${fault}`, async () => {
          const { hits, end } = await fail({ work, fault, command });
          const key = `${command}: ${fault}`;
          hit.set(key, (hit.get(key) ?? 0) + hits);
          console.log(`      ${hits} failures; the first run: ${end}`);
        });
      }
    }
  }
  it('met every fault on every command at least once', () => {
    const never = [...hit].filter(([, hits]) => hits === 0).map(([key]) => key);
    assert.deepEqual(never, []);
  });
});
