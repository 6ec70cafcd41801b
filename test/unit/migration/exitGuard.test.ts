import assert from 'node:assert/strict';
import { type ExitGuard, guardProcessExit } from '../../../src/migration/exitGuard';

const messageOf = (guard: ExitGuard): string | undefined => guard.called?.message;
const currentExit = (): unknown => Reflect.get(process, 'exit');

describe('guardProcessExit', () => {
  it('throws instead of ending the process and remembers it', () => {
    const real = currentExit();
    const guard = guardProcessExit('001.js');
    try {
      assert.equal(messageOf(guard), undefined);
      assert.throws(() => process.exit(2), { name: 'UserError', message: '001.js called process.exit(2).' });
      assert.equal(messageOf(guard), '001.js called process.exit(2).');
    } finally {
      guard.release();
    }
    assert.equal(currentExit(), real);
  });

  it('holds until the last of overlapping guards is released', () => {
    const real = currentExit();
    const first = guardProcessExit('a');
    const second = guardProcessExit('b');
    first.release();
    first.release();
    assert.notEqual(currentExit(), real);
    assert.throws(() => process.exit(), { message: 'b called process.exit().' });
    assert.equal(first.called, undefined);
    second.release();
    assert.equal(currentExit(), real);
  });
});
