// Outlines that were read before, kept between processes in the user's cache folder: parsing a thousand files takes
// longer than everything else a status does. A cache that cannot be read or written is no cache, and no error.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Outline } from '../migration/outline';
import { outlineSource } from '../migration/outlineSource';

/** Goes up whenever outlines change their shape or their meaning. */
const format = 4;
const mostEntries = 20_000;
/** Parsing a smaller folder takes no time that anybody would notice. */
const worthKeeping = 50;

export class OutlineCache {
  readonly #path: string;
  readonly #known = new Map<string, Outline>();
  #fresh = 0;

  constructor(path: string = defaultPath()) {
    this.#path = path;
  }

  async load(): Promise<void> {
    try {
      const stored = JSON.parse(await readFile(this.#path, 'utf8')) as [string, Outline][];
      for (const [key, outline] of stored) this.#known.set(key, outline);
    } catch {
      this.#known.clear();
    }
  }

  /** @param checksum of the source's bytes. */
  outline(source: Buffer, file: string, checksum: string): Outline {
    // The name counts too: a migration without a name of its own is called by its file.
    const key = `${checksum} ${basename(file)}`;
    const known = this.#known.get(key);
    // The youngest stand last, so that the oldest go first when there are too many.
    this.#known.delete(key);
    const outline = known ?? outlineSource(source.toString('utf8'), file);
    this.#known.set(key, outline);
    if (!known) this.#fresh += 1;
    return outline;
  }

  async save(): Promise<void> {
    if (this.#fresh < worthKeeping) return;
    const entries = [...this.#known].slice(-mostEntries);
    const temporary = `${this.#path}.${process.pid}`;
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      await writeFile(temporary, JSON.stringify(entries), { mode: 0o600 });
      await rename(temporary, this.#path);
    } catch {
      // A home that cannot be written: the next status parses again.
    }
  }
}

function defaultPath(): string {
  const home = homedir();
  const caches =
    process.platform === 'win32'
      ? (process.env['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'))
      : process.platform === 'darwin'
        ? join(home, 'Library', 'Caches')
        : (process.env['XDG_CACHE_HOME'] ?? join(home, '.cache'));
  return join(caches, 'migratory', `outlines-${format}.json`);
}
