// What an author's code does outside of the database while it is rehearsed: connections, files, programs. A dry run
// keeps none of it from happening, so its report says so. Seen where each of them begins in this process; of Python
// tells python/_migratory_runner/outside.py.
import { AsyncLocalStorage } from 'node:async_hooks';
import childProcess from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { fileURLToPath } from 'node:url';

export type OutsideKind = 'connection' | 'file' | 'program';

const sentences: Record<OutsideKind, string> = {
  connection: 'It connects to',
  file: 'It writes outside of the database:',
  program: 'It starts',
};
/** Named in the report; others are counted. */
const mostNamed = 5;

export class OutsideCalls {
  readonly #seen = new Map<OutsideKind, Set<string>>();

  /** From now on calls are seen that `within` makes, until `close`. */
  constructor() {
    if (open++ === 0) hook();
  }

  within<T>(work: () => T): T {
    return atWork.run(this, work);
  }

  note(kind: OutsideKind, place: string): void {
    const places = this.#seen.get(kind) ?? new Set();
    this.#seen.set(kind, places.add(place));
  }

  /** One sentence for each kind that was seen since the last time. */
  take(): string[] {
    const found = [...this.#seen].map(([kind, places]) => {
      const named = [...places].slice(0, mostNamed).join(', ');
      const more = places.size > mostNamed ? ` and ${places.size - mostNamed} more` : '';
      return `${sentences[kind]} ${named}${more}. A dry run does not keep that from happening.`;
    });
    this.#seen.clear();
    return found;
  }

  close(): void {
    if (--open === 0) unhook();
  }
}

/** For what the engine does for an author's code, which is none of its own calls. */
export function unseen<T>(work: () => T): T {
  return atWork.run(undefined, work);
}

const atWork = new AsyncLocalStorage<OutsideCalls | undefined>();
/** Rehearsals that see calls now. */
let open = 0;

// The hooks --------------------------------------------------------------------------------------------------------

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Owner = Record<string, Method | undefined>;
/** What a call would change; undefined where it changes nothing. */
type Place = (args: unknown[]) => string | undefined;

const first: Place = ([path]) => nameOf(path);
const second: Place = ([, path]) => nameOf(path);
const ifToWrite: Place = ([path, flags]) => {
  const writes =
    typeof flags === 'number' ? (flags & 3) !== 0 : /[wa+]/.test(typeof flags === 'string' ? flags : 'r');
  return writes ? nameOf(path) : undefined;
};

const fileCalls: Record<string, Place> = {
  ...each(['appendFile', 'chmod', 'chown', 'createWriteStream', 'mkdir', 'mkdtemp'], first),
  ...each(['rm', 'rmdir', 'truncate', 'unlink', 'utimes', 'writeFile'], first),
  ...each(['copyFile', 'cp', 'link', 'rename', 'symlink'], second),
  open: ifToWrite,
};
const programCalls = each(['execFileSync', 'execSync', 'spawnSync'], first);

let undo: (() => void)[] = [];

function hook(): void {
  for (const [name, place] of Object.entries(fileCalls)) {
    watch(fs, name, 'file', place);
    watch(fs, `${name}Sync`, 'file', place);
    watch(fs.promises, name, 'file', place);
  }
  for (const [name, place] of Object.entries(programCalls)) watch(childProcess, name, 'program', place);
  // Behind all that return at once.
  watch(childProcess.ChildProcess.prototype, 'spawn', 'program', ([options]) => {
    const { file, args } = options as { file?: string; args?: string[] };
    // Of a command for the shell, the command.
    return args?.[1] === '-c' ? args[2] : file;
  });
  // For those who import them by name.
  syncBuiltinESMExports();
}

function unhook(): void {
  for (const back of undo) back();
  undo = [];
  syncBuiltinESMExports();
}

function watch(owner: object, name: string, kind: OutsideKind, place: Place): void {
  const methods = owner as Owner;
  const original = methods[name];
  if (typeof original !== 'function') return;
  const watching: Method = function (...args) {
    const calls = atWork.getStore();
    const where = calls && place(args);
    if (where !== undefined) calls?.note(kind, where);
    return original.apply(this, args);
  };
  methods[name] = watching;
  // Whoever has put his own over ours meanwhile keeps calling it; without a rehearsal it sees nothing.
  undo.push(() => {
    if (methods[name] === watching) methods[name] = original;
  });
}

function each(names: string[], place: Place): Record<string, Place> {
  return Object.fromEntries(names.map((name) => [name, place]));
}

/** A descriptor has been opened before. */
function nameOf(path: unknown): string | undefined {
  if (path instanceof URL) return fileURLToPath(path);
  if (path instanceof Uint8Array) return Buffer.from(path).toString();
  return typeof path === 'string' ? path : undefined;
}
