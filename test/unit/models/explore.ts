// Explicit-state search: every order of steps, breadth first, so that the first bad end found has the shortest way.
import assert from 'node:assert/strict';

export interface Model<S> {
  start: S;
  /** Every step that is possible now, with its name. */
  steps(state: S): [name: string, next: S][];
  /** What is wrong with this state; undefined if nothing is, or if it is no end. */
  wrong(state: S): string | undefined;
}

export interface Outcome {
  states: number;
  /** The steps of the shortest way to something wrong, and what is wrong then. */
  counterExample?: { trace: string[]; wrong: string };
}

const most = 2_000_000;

export function explore<S>(model: Model<S>): Outcome {
  const reached = new Map<string, { from: string | undefined; step: string }>();
  const first = JSON.stringify(model.start);
  reached.set(first, { from: undefined, step: '' });
  let wave = [first];
  while (wave.length > 0) {
    const next: string[] = [];
    for (const key of wave) {
      const state = JSON.parse(key) as S;
      const wrong = model.wrong(state);
      if (wrong !== undefined)
        return { states: reached.size, counterExample: { trace: traceTo(key, reached), wrong } };
      for (const [step, after] of model.steps(state)) {
        const found = JSON.stringify(after);
        if (reached.has(found)) continue;
        reached.set(found, { from: key, step });
        next.push(found);
      }
    }
    assert.ok(reached.size < most, 'the model has too many states');
    wave = next;
  }
  return { states: reached.size };
}

/** What is wrong after these steps. */
export function follow<S>(model: Model<S>, trace: readonly string[]): string | undefined {
  let state = model.start;
  for (const name of trace) {
    const step = model.steps(state).find(([possible]) => possible === name);
    assert.ok(step, `"${name}" is not possible in ${JSON.stringify(state)}`);
    state = step[1];
  }
  return model.wrong(state);
}

function traceTo(key: string, reached: Map<string, { from: string | undefined; step: string }>): string[] {
  const trace: string[] = [];
  for (let at = reached.get(key); at?.from !== undefined; at = reached.get(at.from)) trace.unshift(at.step);
  return trace;
}
