// The beginning of a copy: T0 is the newest operation time, while majority reads may lag behind it. Two keys, each
// written once; the stream starts at T0 with the write of that time included.
import assert from 'node:assert/strict';
import { explore, type Model } from './explore';

interface State {
  /** The keys in the order in which they were written. */
  log: number[];
  /** How many of the writes a majority has. */
  majority: number;
  t0: number | null;
  /** What the copy has seen: that many writes. */
  copied: number | null;
}

const writes = [0, 1];

/** @param waits whether the copy reads only once the majority has T0 (`afterClusterTime`). */
function copying(waits: boolean): Model<State> {
  return {
    start: { log: [], majority: 0, t0: null, copied: null },
    steps(state) {
      const { log, majority, t0, copied } = state;
      const steps: [string, State][] = [];
      for (const key of writes)
        if (!log.includes(key)) steps.push([`put ${key}`, { ...state, log: [...log, key] }]);
      if (majority < log.length) steps.push(['replicate', { ...state, majority: majority + 1 }]);
      if (t0 === null) steps.push(['record T0', { ...state, t0: log.length }]);
      if (t0 !== null && copied === null && (!waits || majority >= t0))
        steps.push(['copy', { ...state, copied: majority }]);
      return steps;
    },
    wrong({ log, t0, copied }) {
      if (t0 === null || copied === null) return undefined;
      const arrived = new Set([...log.slice(0, copied), ...log.slice(Math.max(0, t0 - 1))]);
      const lost = log.filter((key) => !arrived.has(key));
      return lost.length > 0 ? `lost: ${lost.join(', ')}` : undefined;
    },
  };
}

describe('a copy that begins at the newest operation time', () => {
  it('J: loses a write when majority reads lag behind it', () => {
    const { counterExample } = explore(copying(false));
    assert.deepEqual(counterExample?.trace, ['put 0', 'put 1', 'record T0', 'copy']);
  });

  it('J2: loses nothing when it waits until the majority has got there', () => {
    const { counterExample, states } = explore(copying(true));
    assert.deepEqual(counterExample, undefined);
    assert.ok(states > 20);
  });
});
