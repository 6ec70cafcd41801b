// The runner: a process of its own in which migrations are loaded and run. It answers its parent over IPC
// (protocol/runner.ts) and outlives it: a run that has begun goes on when the window closes or reloads.
import type { RunnerMethods, RunnerNotifications } from '../protocol/runner';
import { type Handlers, type Port, RpcServer } from '../protocol/rpc';
import { describeError } from '../migration/describeError';
import { StuckError } from '../engine/userCode';
import { CollectionSamples } from './collectionSamples';
import { Mending } from './mending';
import { Observer } from './observer';
import { RunnerJob } from './job';
import { Sandbox } from './sandbox';

process.title = 'migratory runner';

/** Nobody listens any more once the window is gone: what is told then is dropped. */
const port: Port = {
  send(message) {
    if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
  },
  onMessage(listener) {
    process.on('message', listener);
  },
};
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const observer = new Observer((name, params) => server.notify(name, params));
const mending = new Mending((target) => observer.connection(target));
const samples = new CollectionSamples((target) => observer.connection(target));
const job = new RunnerJob({
  event: (event) => server.notify('event', event),
  snapshot: (snapshot) => server.notify('snapshot', snapshot),
});

const sandbox = new Sandbox((progress) => server.notify('download', progress));

const handlers: Handlers<RunnerMethods> = {
  config: ({ project }) => observer.config(project),
  testConnection: ({ target }) => observer.testConnection(target),
  databases: ({ target }) => observer.databases(target),
  status: ({ project, target }) => observer.status(project, target),
  watch: ({ target, project }) => observer.watch(target, project),
  unwatch: ({ target }) => observer.unwatch(target),
  snapshot: ({ target, run, project }) => observer.snapshot(target, run, project),
  throttle: ({ target, run, settings }) => observer.throttle(target, run, settings),
  quarantinedDocument: (which) => observer.quarantinedDocument(which),
  control: ({ target, run, control }) => observer.control(target, run, control),
  appliedSource: ({ project, target, name }) => observer.appliedSource(project, target, name),
  collections: ({ target }) => samples.collections(target),
  sample: ({ target, collection }) => samples.sample(target, collection),
  lintCatalogue: ({ target }) => observer.lintCatalogue(target),
  duplicates: (request) => observer.duplicates(request),
  lease: ({ target }) => mending.lease(target),
  unlock: (request) => mending.unlock(request),
  mark: (request) => mending.mark(request),
  repair: (request) => mending.repair(request),
  resolveConflicts: (request) => mending.resolveConflicts(request),
  discardQuarantine: (request) => mending.discardQuarantine(request),
  async start(request) {
    try {
      return await job.run(request);
    } finally {
      if (!process.connected) process.exit(0);
    }
  },
  cancel: ({ force }) => job.cancel(force === true),
  findMongod: ({ folder }) => sandbox.find(folder),
  fetchMongod: ({ folder }) => sandbox.fetch(folder),
  startSandbox: (request) => sandbox.start(request),
  stopSandbox: () => sandbox.stop(),
};
const server = new RpcServer<RunnerMethods, RunnerNotifications>(port, handlers, (error) => {
  // An author's function that ignores a cancel still holds this process: only its end frees it.
  if (error instanceof StuckError) setTimeout(() => process.exit(0), 100);
  return describeError(error);
});

process.on('disconnect', () => {
  if (!job.running) void sandbox.stop().finally(() => process.exit(0));
});
// An author's promise that nobody awaits must not take the process down with it.
process.on('unhandledRejection', (reason) => job.stray(reason));
process.on('uncaughtException', (error) => job.stray(error));
