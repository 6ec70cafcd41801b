// Signals while a migration holds the only thread: `for (;;);` lets no handler of the main thread run. A second thread
// hears the signals as well and ends the process when the main thread does not get to it.
import { closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

/**
 * How long the main thread may take to see a signal: after the first it may be computing, after the second not. `last`:
 * how long it may take to end when it is told to.
 */
const graceMs = { first: 10_000, second: 300, last: 1_000 };
/** Where the second thread finds what ends the process. */
const endName = 'migratory.end';

export interface Watchdog {
  /** Tells that the main thread has heard the first signal: from now on it looks after the end by itself. */
  heard(): void;
  stop(): void;
}

// Node hands signals to the main thread alone, but for this binding, which libuv serves on every thread. Where it is
// missing (another runtime, a later Node) everything works but the end of a loop that never yields.
const source = `
const { workerData } = require('node:worker_threads');
const { Session } = require('node:inspector');
const { writeSync } = require('node:fs');
const { signals, graceMs, heard, endName } = workerData;
const { Signal } = process.binding('signal_wrap');
// The inspector alone gets into a loop of the main thread; only from there can the process end with an exit code.
function end() {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), graceMs.last);
  const session = new Session();
  session.connectToMainThread();
  session.post('Runtime.evaluate', { expression: 'globalThis[Symbol.for("' + endName + '")]()' });
}
let seen = 0;
function onSignal() {
  seen += 1;
  if (seen > 1) return void setTimeout(end, graceMs.second);
  setTimeout(() => {
    if (Atomics.load(heard, 0) === 0) writeSync(2, 'The migration does not answer. Once more ends it at once.\\n');
  }, 500);
  setTimeout(() => { if (Atomics.load(heard, 0) === 0) end(); }, graceMs.first);
}
for (const signal of signals) {
  const handle = new Signal();
  handle.onsignal = onSignal;
  handle.start(signal);
}
`;

/** @param exitCode of a process that has to be ended. */
export function startWatchdog(signals: number[], exitCode: number): Watchdog {
  const heard = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const worker = new Worker(source, {
    eval: true,
    workerData: { signals, graceMs, heard, endName },
    // The binding is deprecated in documents only; its warning would stand in every output.
    execArgv: ['--no-deprecation'],
  });
  const place = globalThis as Record<symbol, unknown>;
  place[Symbol.for(endName)] = () => {
    // Node would say there that it waits for a debugger.
    closeSync(2);
    (process as unknown as { reallyExit(code: number): never }).reallyExit(exitCode);
  };
  worker.unref();
  worker.on('error', () => undefined);
  return {
    heard: () => void Atomics.store(heard, 0, 1),
    stop: () => void worker.terminate(),
  };
}
