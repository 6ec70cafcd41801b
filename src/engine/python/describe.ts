// What a Python file holds, as Python tells it: a few files at a time, and what was told of a text is remembered.
import { createHash } from 'node:crypto';
import type { MigrationLog } from '../../migration/kinds';
import { displayPath, fileError } from '../../migration/loadErrors';
import type { Destination } from '../../wire/ownSockets';
import type { Outlet } from '../ownClients';
import { loadError } from './errors';
import type { Python } from './interpreter';
import { type PythonDoor, type PythonEars, type PythonRequest, runPython } from './process';

/** One migration, as python/_migratory_runner/module.py tells it. */
export interface Told {
  name?: unknown;
  description?: unknown;
  irreversible?: unknown;
  repeatable?: unknown;
  requires?: unknown;
  transaction?: unknown;
  up?: true | string;
  down?: true | string;
  validate?: true | string;
}

/** What every function of one file needs. */
export interface Origin {
  file: string;
  root: string;
  source: Buffer;
  python: Python;
  /** The run's; a look at the states has none. */
  outlet: Outlet | undefined;
}

/** A file defines migrations; nothing in it takes longer. */
const loadMs = 60_000;
/** A folder may hold hundreds of files whose names only Python knows. */
const atOnce = 4;
const mostRemembered = 1_000;
const silent: MigrationLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

const remembered = new Map<string, Told[]>();
const waiting: (() => void)[] = [];
let running = 0;

/** @throws UserError for everything that can be wrong with the file. */
export async function describe(origin: Origin): Promise<Told[]> {
  // In a run the file is loaded through the run's door.
  if (origin.outlet) return ask(origin);
  const checksum = createHash('sha256').update(origin.source).digest('hex');
  const key = [origin.python.command, origin.file, checksum].join('\0');
  const known = remembered.get(key);
  if (known) return known;
  if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
  running += 1;
  try {
    const told = await ask(origin);
    if (remembered.size >= mostRemembered) remembered.clear();
    remembered.set(key, told);
    return told;
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

async function ask(origin: Origin): Promise<Told[]> {
  const { file, root, python, outlet } = origin;
  const request: PythonRequest = {
    ...origin,
    work: { task: 'describe' },
    door: outlet && outletDoor(outlet),
    context: {
      dryRun: outlet?.dryRun ?? false,
      args: {},
      run: { id: '', startedAt: new Date(0) },
    },
  };
  const ears: PythonEars = {
    log: outlet?.log ?? silent,
    outside: () => undefined,
    ask: () => Promise.resolve({ error: 'There is no ctx while a file is loaded.' }),
    progress: () => undefined,
    elsewhere: (to: Destination) => outlet?.elsewhere(to),
  };
  const patience = AbortSignal.timeout(loadMs);
  const signal = outlet ? AbortSignal.any([patience, outlet.signal]) : patience;
  const answer = await runPython(python, request, ears, signal).catch((error: unknown) => {
    if (!patience.aborted || outlet?.signal.aborted) throw error;
    const message = `${displayPath(file, root)} did not come to its end within ${loadMs / 1000} s while it was loaded.`;
    throw fileError(file, message, 'Do the work in up');
  });
  if (answer.type !== 'result') throw loadError(answer, origin, python);
  return answer.value as Told[];
}

/** Where clients go that the code opens while no function of a step is at work. */
export function outletDoor(outlet: Outlet): PythonDoor | undefined {
  const { uri, database } = outlet;
  return uri === undefined ? undefined : { uri, database, cluster: outlet.cluster() };
}
