// Signals while a migration holds the only thread: `for (;;);` lets no handler of the main thread run. A second thread
// hears the signals as well and ends the process when the main thread does not get to it.
import { Worker } from 'node:worker_threads';

/** How long the main thread may take to see a signal: after the first it may be computing, after the second not. */
const graceMs = { first: 10_000, second: 300 };

export interface Watchdog {
  /** Tells that the main thread has heard the first signal: from now on it looks after the end by itself. */
  heard(): void;
  stop(): void;
}

// Node hands signals to the main thread alone, but for this binding, which libuv serves on every thread. Where it is
// missing (another runtime, a later Node) everything works but the end of a loop that never yields.
const source = `
const { workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const { signals, graceMs, heard } = workerData;
const { Signal } = process.binding('signal_wrap');
const end = () => process.kill(process.pid, 'SIGKILL');
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

export function startWatchdog(signals: number[]): Watchdog {
  const heard = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const worker = new Worker(source, {
    eval: true,
    workerData: { signals, graceMs, heard },
    // The binding is deprecated in documents only; its warning would stand in every output.
    execArgv: ['--no-deprecation'],
  });
  worker.unref();
  worker.on('error', () => undefined);
  return {
    heard: () => void Atomics.store(heard, 0, 1),
    stop: () => void worker.terminate(),
  };
}
