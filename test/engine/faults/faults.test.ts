// A sample of the fault matrix (faults.ts): every fault, every command and every kind of work at least once.
import { fail, type FaultCase } from './faults';

const cases: FaultCase[] = [
  { work: 'a transform', command: 'find', fault: 'a lost connection' },
  { work: 'a transform', command: 'update', fault: 'error 112' },
  { work: 'a transform', command: 'insert', fault: 'error 91' },
  { work: 'a transform', command: 'commitTransaction', fault: 'a lost connection' },
  { work: 'an update pipeline', command: 'commitTransaction', fault: 'an unclear write' },
  { work: 'an update pipeline', command: 'aggregate', fault: 'error 10107' },
  { work: 'a script', command: 'update', fault: 'error 11600' },
  { work: 'a script', command: 'getMore', fault: 'a lost connection' },
  { work: 'a script', command: 'findAndModify', fault: 'error 189' },
  { work: 'a script', command: 'createIndexes', fault: 'error 91' },
  { work: 'a script', command: 'commitTransaction', fault: 'a lost connection' },
  { work: 'a transform', command: 'find', fault: 'error 10107' },
  { work: 'a script', command: 'find', fault: 'error 112' },
  { work: 'a script', command: 'insert', fault: 'error 189' },
  { work: 'a script', command: 'insert', fault: 'a write that too few have' },
  { work: 'the way back of a transform', command: 'update', fault: 'error 462' },
  { work: 'the way back of a transform', command: 'commitTransaction', fault: 'a blocked connection' },
  { work: 'the way back of a script', command: 'update', fault: 'a lost connection' },
  { work: 'the way back of a script', command: 'commitTransaction', fault: 'error 91' },
];

describe('a run whose server fails now and then', function () {
  this.timeout(120_000);
  for (const test of cases) {
    it(`${test.work}, ${test.command}: ${test.fault}`, async () => {
      const { hits, end } = await fail(test);
      console.log(`      ${hits} failures; the first run: ${end}`);
    });
  }
});
